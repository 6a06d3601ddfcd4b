import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c, crc32cNative, crc32cPortable } from '../../src/bytes/crc32c.js';

/** Published vectors: RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
const vectors: ReadonlyArray<readonly [bytes: Buffer, crc: number]> = [
  [Buffer.alloc(0), 0],
  [Buffer.from('123456789'), 0xe3069283],
  [Buffer.alloc(32), 0x8a9136aa],
  [Buffer.alloc(32, 0xff), 0x62a8ab43],
  [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  [Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
];

test('CRC-32C gives the published values', () => {
  for (const [bytes, crc] of vectors) {
    assert.equal(crc32cPortable(bytes), crc);
    assert.equal(crc32c(bytes), crc);
  }
});

test('every tier of CRC-32C gives the same for any part of any bytes', t => {
  if (crc32cNative === undefined) t.diagnostic('@node-rs/crc32 is not installed: only the portable tier ran');
  const part = fc.tuple(fc.uint8Array({ maxLength: 2000 }), fc.nat(), fc.nat());
  fc.assert(
    fc.property(part, ([bytes, a, b]) => {
      const [start, end] = [a % (bytes.length + 1), b % (bytes.length + 1)].sort((x, y) => x - y) as [number, number];
      const slow = bitByBit(bytes.subarray(start, end));
      assert.equal(crc32cPortable(bytes, start, end), slow);
      assert.equal(crc32c(bytes, start, end), slow);
      if (crc32cNative !== undefined) assert.equal(crc32cNative(bytes.subarray(start, end)), slow);
    }),
  );
});

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
