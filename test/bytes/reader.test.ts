import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../src/base/errors.js';
import { Reader, ZERO_UUID } from '../../src/bytes/reader.js';

const reader = (hex: string): Reader => new Reader(Buffer.from(hex, 'hex'));

test('primitive types are read big-endian', () => {
  assert.equal(reader('80').int8(), -128);
  assert.equal(reader('80').uint8(), 128);
  assert.equal(reader('fffe').int16(), -2);
  assert.equal(reader('fffe').uint16(), 65534);
  assert.equal(reader('80000001').int32(), -2147483647);
  assert.equal(reader('80000001').uint32(), 2147483649);
  assert.equal(reader('ffffffffffffffff').int64(), -1);
  assert.equal(reader('001fffffffffffff').int64(), Number.MAX_SAFE_INTEGER);
  assert.equal(reader('ffe0000000000001').int64(), Number.MIN_SAFE_INTEGER);
  assert.equal(reader('3ff8000000000000').float64(), 1.5);
  assert.equal(reader('00'.repeat(16)).uuid(), ZERO_UUID);
  assert.equal(reader('c3bf41').string(3), '\u00ffA');
});

test('an int64 outside the safe integers is an error, and a timestamp is rounded', () => {
  for (const hex of ['0020000000000000', 'ffe0000000000000', '7fffffffffffffff', '8000000000000000']) {
    assert.throws(() => reader(hex).int64(), ProtocolError, hex);
  }
  assert.equal(reader('7fffffffffffffff').int64Rounded(), 2 ** 63);
  assert.equal(reader('8000000000000000').int64Rounded(), -(2 ** 63));
  assert.throws(() => reader('feffffffffffffffff01').varlong(), ProtocolError);
  assert.equal(reader('feffffffffffffffff01').varlongRounded(), 2 ** 63);
  assert.equal(reader('ffffffffffffffffff01').varlongRounded(), -(2 ** 63));
});

test('bytes are a view of the memory given, and positions count from its start', () => {
  const memory = Buffer.from('0011223344', 'hex');
  const source = new Reader(memory, 1, 4);
  const view = source.bytes(2);
  memory[1] = 0xff;
  assert.deepEqual([...view], [0xff, 0x22]);
  assert.deepEqual([source.position, source.remaining], [3, 1]);
  assert.throws(() => source.int16(), ProtocolError);
  assert.equal(source.int8(), 0x33);
});

test('a part ends where it was told and the whole goes on behind it', () => {
  const whole = reader('0102030405');
  whole.skip(1);
  const part = whole.part(2);
  assert.deepEqual([part.position, part.remaining, whole.position], [1, 2, 3]);
  assert.equal(part.int16(), 0x0203);
  assert.throws(() => part.int8(), ProtocolError);
  assert.equal(whole.int8(), 4);
});

test('reading past the end says where, how much was wanted, and how much there was', () => {
  const source = reader('000000');
  source.int8();
  for (const read of [
    () => source.int32(),
    () => source.int64(),
    () => source.uuid(),
    () => source.bytes(3),
    () => source.string(2147483647),
    () => source.skip(3),
    () => source.part(3),
    () => source.bytes(-1),
    () => source.bytes(Number.NaN),
  ]) {
    assert.throws(read, (error: unknown) => {
      assert.ok(error instanceof ProtocolError);
      const { position, remaining, wanted } = error.context;
      assert.deepEqual([position, remaining, typeof wanted], [1, 2, 'number']);
      return true;
    });
    assert.equal(source.position, 1);
  }
});

test('a varint that does not end, or does not fit, is an error; padding within its length is not', () => {
  assert.equal(reader('8080808000').uvarint(), 0);
  assert.equal(reader('ffffffff0f').uvarint(), 2 ** 32 - 1);
  for (const hex of ['', '80', 'ffffffff', 'ffffffff10', '808080808000', 'ffffffffff']) {
    assert.throws(() => reader(hex).uvarint(), ProtocolError, hex);
    assert.throws(() => reader(hex).varint(), ProtocolError, hex);
  }
  assert.equal(reader('80808080808080808000').varlong(), 0);
  for (const hex of ['', 'ff', 'ffffffffffffffffff', 'ffffffffffffffffff02', '8080808080808080808000']) {
    assert.throws(() => reader(hex).varlongRounded(), ProtocolError, hex);
  }
});
