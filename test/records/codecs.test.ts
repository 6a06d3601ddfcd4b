import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { xxh32 } from '../../src/bytes/xxh32.js';
import { type Codec, OutputLimitError } from '../../src/records/compression/codec.js';
import { gzip } from '../../src/records/compression/gzip.js';
import { lz4, portableLz4 } from '../../src/records/compression/lz4.js';
import { portableSnappy, rawSnappy, snappy } from '../../src/records/compression/snappy.js';
import { zstd, zstdOfPackage } from '../../src/records/compression/zstd.js';

const require = createRequire(import.meta.url);
const fzstd = require('fzstd');
const nativeSnappy = require('snappy') as { compressSync(bytes: Buffer): Buffer; uncompressSync(bytes: Buffer): Buffer };
const nativeLz4 = require('lz4-napi') as { compressFrameSync(bytes: Buffer): Buffer; decompressFrameSync(bytes: Buffer): Buffer };
const hasZstd = 'zstdCompressSync' in zlib;

const writers: Record<string, Codec> = { gzip, snappy, portableSnappy, rawSnappy, lz4, portableLz4, ...(hasZstd ? { zstd } : {}) };
/** Who reads what each writes: ours without native code and with it, and decoders that are not ours. */
const readers: Record<string, Record<string, (bytes: Buffer, size: number) => Uint8Array>> = {
  gzip: { ours: (bytes, size) => gzip.decompress(bytes, size) },
  snappy: {
    native: (bytes, size) => snappy.decompress(bytes, size),
    portable: (bytes, size) => portableSnappy.decompress(bytes, size),
  },
  rawSnappy: {
    native: (bytes, size) => snappy.decompress(bytes, size),
    portable: (bytes, size) => portableSnappy.decompress(bytes, size),
    'the package snappy': bytes => nativeSnappy.uncompressSync(bytes),
  },
  lz4: {
    native: (bytes, size) => lz4.decompress(bytes, size),
    portable: (bytes, size) => portableLz4.decompress(bytes, size),
    'the package lz4-napi': bytes => nativeLz4.decompressFrameSync(bytes),
  },
  zstd: { node: (bytes, size) => zstd.decompress(bytes, size), fzstd: (bytes, size) => zstdOfPackage(fzstd).decompress(bytes, size) },
};
const readersOf = (writer: string) => readers[writer.replace(/^portable(.)/, (_, first: string) => first.toLowerCase())] ?? {};

const seeded = (seed: number) => () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
function noise(length: number, seed: number): Buffer {
  const next = seeded(seed);
  return Buffer.from(Array.from({ length }, () => next() * 256));
}
const logs = (length: number): Buffer =>
  Buffer.from(
    Array.from({ length: Math.ceil(length / 40) }, (_, i) => `{"customer":${i * 7919},"amount":${i % 97},"ok":true}`).join('\n'),
  ).subarray(0, length);
/** Text of some sizes that lie around the borders of blocks, noise, and what repeats without end. */
const samples = (): Buffer[] =>
  [0, 1, 4, 11, 12, 13, 17, 100, 511, 512, 600, 4096, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 200_000, 3_000_000].flatMap(
    (length, i) => [
      logs(length),
      noise(Math.min(length, 300_000), i + 1),
      Buffer.alloc(length, 'ab'),
      Buffer.concat([noise(Math.min(length, 1000), i), Buffer.alloc(length, i), noise(13, i)]),
    ],
  );

for (const [name, codec] of Object.entries(writers)) {
  test(`${name}: what it writes, each decoder reads`, () => {
    for (const plain of samples()) {
      const compressed = Buffer.from(codec.compress(plain));
      for (const [reader, read] of Object.entries(readersOf(name))) {
        if (reader.startsWith('the package') && plain.length === 0) continue; // they refuse nothing at all
        assert.ok(plain.equals(read(compressed, plain.length)), `${reader} of ${plain.length} bytes`);
      }
    }
  });

  test(`${name}: small batches of every kind of text come back`, () => {
    const words = ['a', 'bb', 'order', 'customer', '{"id":', 'tidemark ', '\0\0\0', 'zzzzzzzzzz'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 400 }), parts => {
        const plain = Buffer.from(parts.join(''));
        const compressed = Buffer.from(codec.compress(plain));
        for (const [reader, read] of Object.entries(readersOf(name))) {
          if (reader.startsWith('the package') && plain.length === 0) continue;
          assert.ok(plain.equals(read(compressed, plain.length)), reader);
        }
      }),
      { numRuns: 1000, seed: 7 },
    );
  });

  test(`${name}: cut short anywhere, it is damaged; no byte that is flipped makes anything but an error or bytes within the bound`, () => {
    const plain = logs(3000);
    const compressed = Buffer.from(codec.compress(plain));
    for (const read of [codec, ...(name === 'zstd' ? [zstdOfPackage(fzstd)] : [])]) {
      for (let length = 0; length < compressed.length; length++) {
        if (name.endsWith('nappy') && length === 16) continue; // the framing of xerial without a block: nothing
        assert.throws(() => read.decompress(compressed.subarray(0, length), 10_000), `${length} of ${compressed.length}`);
      }
      for (let at = 0; at < compressed.length; at++) {
        for (const bit of [1, 8, 128]) {
          const damaged = Buffer.from(compressed);
          damaged[at] = (damaged[at] ?? 0) ^ bit;
          try {
            assert.ok(read.decompress(damaged, 10_000).length <= 10_000);
          } catch (error) {
            assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), String(error));
          }
        }
      }
    }
  });

  test(`${name}: the bound holds to the byte, and also in turns`, async () => {
    const plain = logs(100_000);
    const compressed = codec.compress(plain);
    const turn = () => Promise.resolve();
    assert.equal(codec.decompress(compressed, plain.length).length, plain.length);
    assert.throws(() => codec.decompress(compressed, plain.length - 1), OutputLimitError);
    assert.equal((await codec.decompressInTurns?.(compressed, plain.length, turn))?.length, plain.length);
    await assert.rejects(async () => codec.decompressInTurns?.(compressed, plain.length - 1, turn), OutputLimitError);
  });
}

test('snappy and lz4 give turns while they decompress much', async () => {
  for (const codec of [snappy, portableSnappy, rawSnappy, lz4, portableLz4]) {
    const plain = Buffer.alloc(40 * 2 ** 20, 'tidemark');
    let turns = 0;
    const read = await codec.decompressInTurns?.(codec.compress(plain), plain.length, async () => void (turns += 1));
    assert.ok(read !== undefined && plain.equals(read));
    assert.ok(turns >= 9, `${turns} turns`);
  }
});

test('what others write is read: raw snappy, lz4 frames with checksums, of linked blocks, with their size', () => {
  const plain = logs(300_000);
  for (const codec of [snappy, portableSnappy]) assert.ok(plain.equals(codec.decompress(nativeSnappy.compressSync(plain), plain.length)));
  for (const codec of [lz4, portableLz4]) {
    for (const options of [{}, { contentChecksum: true }, { blockChecksums: true }, { contentChecksum: true, blockChecksums: true }]) {
      const frame = (nativeLz4.compressFrameSync as (bytes: Buffer, options: object) => Buffer)(plain, options);
      assert.ok(plain.equals(codec.decompress(frame, plain.length)), JSON.stringify(options));
    }
  }
});

test('lz4 blocks end as decoders in C demand: no match begins in the last twelve bytes, the last five are literals', () => {
  for (const plain of samples().filter(({ length }) => length > 0 && length <= 65_536)) {
    const frame = Buffer.from(portableLz4.compress(plain));
    const word = frame.readUInt32LE(7);
    if (word >= 2 ** 31) continue; // stored
    const block = frame.subarray(11, 11 + word);
    let [at, done, lastMatch, lastLiterals] = [0, 0, -1, 0];
    const length = (start: number) => {
      let total = start;
      if (start === 15) for (let more = 255; more === 255; total += more) more = block[at++] ?? 0;
      return total;
    };
    while (at < block.length) {
      const token = block[at++] ?? 0;
      lastLiterals = length(token >>> 4);
      at += lastLiterals;
      done += lastLiterals;
      if (at >= block.length) break;
      lastMatch = done;
      at += 2;
      done += length(token & 15) + 4;
    }
    assert.equal(done, plain.length);
    assert.ok(lastMatch <= plain.length - 12, `a match at ${lastMatch} of ${plain.length}`);
    assert.ok(lastLiterals >= 5);
  }
});

test('the inputs on which the packages loop for ever, or take a gigabyte, are refused at once', () => {
  const endless = Buffer.from([0x05, 0xfc, 0xff, 0xff, 0xff, 0xff]); // a literal of a negative length
  const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x03, 0x00, 0x61]); // 1 GiB in 7 bytes
  for (const codec of [snappy, portableSnappy]) {
    for (const bytes of [endless, huge]) assert.throws(() => codec.decompress(bytes, 2 ** 30), /snappy/);
  }
  const many = Buffer.from(portableLz4.compress(Buffer.alloc(65_536)));
  many.writeUInt32LE(0x7fffffff, 7);
  for (const codec of [lz4, portableLz4]) assert.throws(() => codec.decompress(many, 2 ** 30), /lz4 frame/);
});

test('the header of an lz4 frame is checked; the wrong sum of old writers is forgiven to the old message format only', () => {
  const plain = logs(1000);
  const frame = Buffer.from(portableLz4.compress(plain));
  frame[6] = (xxh32(frame, 0, 6) >>> 8) & 0xff; // they counted the magic number too
  for (const codec of [lz4, portableLz4]) {
    assert.throws(() => codec.decompress(frame, 10_000), /checksum of its header/);
    assert.ok(plain.equals(codec.decompress(frame, 10_000, true)));
  }
  frame[6] = (frame[6] ?? 0) ^ 1;
  assert.throws(() => portableLz4.decompress(frame, 10_000, true), /checksum of its header/);
});

test('zstd without Node and without fzstd says what it would need', () => {
  const refused = { code: 'TIDE_UNSUPPORTED', message: /Node\.js 22\.15.*fzstd/ };
  assert.throws(() => zstdOfPackage(undefined).decompress(Buffer.alloc(20), 100), refused);
  assert.throws(() => zstdOfPackage(fzstd).compress(Buffer.alloc(20)), { code: 'TIDE_UNSUPPORTED', message: /Node\.js 22\.15/ });
});

test('fzstd reads frames of the C library within the bound, and no window that would fill memory', () => {
  const codec = zstdOfPackage(fzstd);
  const frame = Buffer.from('KLUv/SAA', 'base64'); // made below where Node can
  if (hasZstd) {
    const plain = logs(50_000);
    const compressed = Buffer.from(zstd.compress(plain));
    assert.ok(plain.equals(codec.decompress(compressed, plain.length)));
    assert.throws(() => codec.decompress(compressed, plain.length - 1), OutputLimitError);
    const two = Buffer.concat([compressed, compressed]);
    assert.equal(codec.decompress(two, 100_000).length, zstd.decompress(two, 100_000).length);
  }
  assert.throws(() => codec.decompress(frame, 100));
  const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 1, 0, 0]); // 3.75 TiB
  assert.throws(() => codec.decompress(wide, 100), /window/);
});

test('xxh32 gives the published sums', () => {
  const sum = (text: string) => xxh32(Buffer.from(text)).toString(16);
  assert.deepEqual(['', 'a', 'abc', 'Nobody inspects the spammish repetition'].map(sum), ['2cc5d05', '550d7456', '32d153ff', 'e2293b2f']);
});
