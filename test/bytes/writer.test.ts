import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../src/base/errors.js';
import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';

test('what is written is read back, whatever the scratch size', () => {
  const piece = fc.oneof(
    fc.integer({ min: -128, max: 127 }).map(value => ['int8', value] as const),
    fc.integer({ min: -32768, max: 32767 }).map(value => ['int16', value] as const),
    fc.integer({ min: 0, max: 65535 }).map(value => ['uint16', value] as const),
    fc.integer().map(value => ['int32', value] as const),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(value => ['uint32', value] as const),
    fc.maxSafeInteger().map(value => ['int64', value] as const),
    fc.maxSafeInteger().map(value => ['int64Rounded', value] as const),
    fc.double({ noNaN: true }).map(value => ['float64', value] as const),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(value => ['uvarint', value] as const),
    fc.integer().map(value => ['varint', value] as const),
    fc.maxSafeInteger().map(value => ['varlong', value] as const),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map(value => ['uuid', Buffer.from(value).toString('base64url')] as const),
    fc.string({ unit: 'binary' }).map(value => ['string', value] as const),
    fc.uint8Array({ maxLength: 2000, size: 'max' }).map(value => ['bytes', value] as const),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.integer({ min: 0, max: 64 }), (pieces, scratch) => {
      const writer = new Writer(scratch);
      for (const [kind, value] of pieces) {
        if (kind === 'bytes') writer.bytes(value);
        else if (kind === 'uuid' || kind === 'string') writer[kind](value);
        else writer[kind](value);
      }
      const reader = new Reader(writer.toBuffer());
      assert.equal(reader.remaining, writer.size);
      for (const [kind, value] of pieces) {
        if (kind === 'bytes') assert.deepEqual(new Uint8Array(reader.bytes(value.length)), value);
        else if (kind === 'string') assert.equal(reader.string(Buffer.byteLength(value)), value);
        else assert.equal(reader[kind](), value);
      }
      assert.equal(reader.remaining, 0);
    }),
  );
});

test('large byte fields are referenced, small ones copied', () => {
  const writer = new Writer();
  const large = Buffer.alloc(1024);
  const small = Buffer.alloc(1023);
  writer.int32(7);
  writer.bytes(large);
  writer.bytes(small);
  const chunks = writer.finish();
  assert.equal(writer.size, 4 + 1024 + 1023);
  assert.equal(chunks.length, 3);
  assert.equal(chunks[1], large);
  assert.notEqual(chunks[2]?.buffer, small.buffer);
});

test('reserved room is filled in later, also when the scratch has grown meanwhile', () => {
  const writer = new Writer(8);
  const length = writer.reserve(4);
  writer.string('longer than the scratch');
  length.writeInt32BE(writer.size - 4);
  assert.equal(writer.toBuffer().toString('latin1'), '\0\0\0\x17longer than the scratch');
});

test('a value that does not fit its type is refused and leaves no bytes', () => {
  const writer = new Writer();
  const wrong: (() => void)[] = [
    () => writer.int8(128),
    () => writer.int16(-32769),
    () => writer.uint16(-1),
    () => writer.int32(2 ** 31),
    () => writer.int32(1.5),
    () => writer.uint32(-1),
    () => writer.int64(2 ** 53),
    () => writer.int64(Number.NaN),
    () => writer.int64Rounded(Number.POSITIVE_INFINITY),
    () => writer.uvarint(2 ** 32),
    () => writer.varint(2 ** 31),
    () => writer.varlong(0.5),
    () => writer.uuid('not a uuid'),
    () => writer.uuid('AAAAAAAAAAAAAAAAAAAAAB'), // its last character has bits beyond the sixteen bytes
  ];
  for (const write of wrong) assert.throws(write, InputError, String(write));
  assert.equal(writer.size, 0);
});

test('timestamps beyond the safe integers are written, the largest as large as a double gets', () => {
  const writer = new Writer();
  writer.int64Rounded(2 ** 63);
  writer.int64Rounded(-(2 ** 63));
  writer.int64Rounded(2 ** 60);
  assert.equal(writer.toBuffer().toString('hex'), '7ffffffffffffc0080000000000000001000000000000000');
});
