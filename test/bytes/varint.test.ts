import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reader } from '../../src/bytes/reader.js';
import { putUvarint, putVarint, putVarlong, uvarintSize, varintSize, varlongSize } from '../../src/bytes/varint.js';

type Put = (target: Uint8Array, at: number, value: number) => number;
const encode = (put: Put, value: number): Buffer => {
  const target = Buffer.alloc(12);
  return target.subarray(0, put(target, 0, value));
};

test('varints are written as the protocol guide says', () => {
  const unsigned: [number, string][] = [
    [0, '00'],
    [1, '01'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [16383, 'ff7f'],
    [16384, '808001'],
    [2 ** 28 - 1, 'ffffff7f'],
    [2 ** 28, '8080808001'],
    [2 ** 32 - 1, 'ffffffff0f'],
  ];
  for (const [value, hex] of unsigned) assert.equal(encode(putUvarint, value).toString('hex'), hex);
  const signed: [number, string][] = [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [-64, '7f'],
    [64, '8001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ];
  for (const [value, hex] of signed) {
    assert.equal(encode(putVarint, value).toString('hex'), hex);
    assert.equal(encode(putVarlong, value).toString('hex'), hex);
  }
  assert.equal(encode(putVarlong, 2 ** 32).toString('hex'), '8080808020');
  assert.equal(encode(putVarlong, Number.MAX_SAFE_INTEGER).toString('hex'), 'feffffffffffff1f');
  assert.equal(encode(putVarlong, Number.MIN_SAFE_INTEGER).toString('hex'), 'fdffffffffffff1f');
});

test('every integer comes back from its varint, whose size was foretold', () => {
  const holds = (values: fc.Arbitrary<number>, put: Put, size: (value: number) => number, read: (reader: Reader) => number): void =>
    fc.assert(
      fc.property(values, value => {
        const bytes = encode(put, value);
        const reader = new Reader(bytes);
        assert.equal(bytes.length, size(value));
        assert.equal(read(reader), value);
        assert.equal(reader.remaining, 0);
      }),
    );
  const nearPowers = (low: number, high: number, whole: fc.Arbitrary<number>): fc.Arbitrary<number> =>
    fc.oneof(
      whole,
      fc.tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }), fc.boolean()).map(([power, delta, negative]) => {
        const value = 2 ** power + delta;
        return Math.max(low, Math.min(high, negative ? -value : value)) + 0;
      }),
    );
  holds(nearPowers(0, 2 ** 32 - 1, fc.integer({ min: 0, max: 2 ** 32 - 1 })), putUvarint, uvarintSize, reader => reader.uvarint());
  holds(nearPowers(-(2 ** 31), 2 ** 31 - 1, fc.integer()), putVarint, varintSize, reader => reader.varint());
  holds(nearPowers(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, fc.maxSafeInteger()), putVarlong, varlongSize, reader =>
    reader.varlong(),
  );
});
