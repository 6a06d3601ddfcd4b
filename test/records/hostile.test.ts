import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { xxh32 } from '../../src/bytes/xxh32.js';
import { putChecksum } from '../../src/records/builder.js';
import { portableLz4 } from '../../src/records/compression/lz4.js';
import { portableSnappy } from '../../src/records/compression/snappy.js';
import { zstdOfPackage } from '../../src/records/compression/zstd.js';
import { type CompressionName, compressionNames, encodeBatch, type Message, readBatches } from '../../src/records/index.js';
import { bomb } from '../fuzz/codecs.js';
import { GuardedProcess } from '../kafka/process.js';

const MIB = 2 ** 20;
const source = { topic: 'orders', partition: 3 };

/** A batch at offset 40 whose checksum is right and whose records are these bytes. */
function batchOf(compression: CompressionName, payload: Uint8Array): Buffer {
  const batch = Buffer.concat([encodeBatch([{ value: 'x' }], { baseOffset: 40 }).subarray(0, 61), payload]);
  batch.writeInt16BE(compressionNames.indexOf(compression), 21);
  batch.writeInt32BE(batch.length - 12, 8);
  putChecksum(batch);
  return batch;
}

const messages = (bytes: Uint8Array): Message[] => [...readBatches(bytes, source)].flatMap(batch => [...batch]);

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`${compression}: 40 MiB out of little, where 18 are allowed, is an error that names the place, within the memory allowed`, {
    timeout: 60_000,
  }, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-bomb-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'batch');
    writeFileSync(file, batchOf(compression, bomb(compression)));
    const bound = 18 * MIB; // more than is ever done in one go
    const reader = fileURLToPath(new URL('hostile-reader.js', import.meta.url));
    const child = GuardedProcess.start(process.execPath, [reader, file, `${bound}`]);
    assert.equal((await child.exit()).code, 0, child.stderr);
    const { grownBytes, code, context } = JSON.parse(child.stdout);
    assert.deepEqual([code, context], ['TIDE_TOO_LARGE', { ...source, offset: 40, maxDecompressedBytes: bound }]);
    assert.ok(grownBytes < bound + 64 * MIB, `${grownBytes} bytes`);
  });
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const xerial = Buffer.from('82534e41505059000000000100000001', 'hex');
const frame = Buffer.from(portableLz4.compress(Buffer.alloc(1000, 'lz4')));

const damages: readonly (readonly [name: string, compression: CompressionName, payload: Buffer])[] = [
  ['a xerial block of a negative length', 'snappy', Buffer.concat([xerial, int32(-20), Buffer.of(1, 0, 97)])],
  ['a xerial block of 2 GiB', 'snappy', Buffer.concat([xerial, int32(2 ** 31 - 1), Buffer.of(1, 0, 97)])],
  ['a xerial block whose length is cut short', 'snappy', Buffer.concat([xerial, Buffer.of(0, 0)])],
  ['a snappy block that claims more than its bytes can be', 'snappy', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 97])],
  ['an lz4 frame without its end mark', 'lz4', frame.subarray(0, -4)],
  ['an lz4 frame with bytes behind it', 'lz4', Buffer.concat([frame, Buffer.of(0)])],
  ['gzip that is cut short', 'gzip', Buffer.from('1f8b0800000000000003', 'hex')],
  ['a zstd window of 3.75 TiB', 'zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 1, 0, 0])],
  ['nothing at all, where a record is claimed', 'snappy', xerial],
];
for (const [name, compression, payload] of damages) {
  test(`is damage: ${name}`, () => {
    assert.throws(() => messages(batchOf(compression, payload)), { code: 'TIDE_CORRUPT', context: { ...source, offset: 40 } });
  });
}

test('an lz4 frame that says its size wrongly is damaged, or over the bound, and takes no memory for it', () => {
  const lying = (size: bigint): Buffer => {
    const header = Buffer.alloc(15);
    header.writeUInt32LE(0x184d2204);
    header.writeUInt8(0x68, 4);
    header.writeUInt8(0x40, 5);
    header.writeBigUInt64LE(size, 6);
    header[14] = (xxh32(header, 4, 14) >>> 8) & 0xff;
    return Buffer.concat([header, frame.subarray(7)]);
  };
  for (const size of [0n, 999n, 1001n]) assert.throws(() => messages(batchOf('lz4', lying(size))), { code: 'TIDE_CORRUPT' }, `${size}`);
  for (const size of [2n ** 40n, 2n ** 63n])
    assert.throws(() => messages(batchOf('lz4', lying(size))), { code: 'TIDE_TOO_LARGE' }, `${size}`);
  assert.throws(
    () => messages(batchOf('lz4', lying(1000n))),
    { code: 'TIDE_CORRUPT', message: /record 0 of 1|cannot/ },
    'the truth is read',
  );
});

test('fzstd takes no memory for a window that is larger than the output may be', () => {
  const fzstd = createRequire(import.meta.url)('fzstd');
  const taken: number[] = [];
  const watched = {
    Decompress: class {
      readonly #decoder: { push(bytes: Uint8Array, last?: boolean): void };
      constructor(piece: (bytes: Uint8Array) => void) {
        this.#decoder = new fzstd.Decompress(piece);
      }
      push(bytes: Uint8Array, last?: boolean): void {
        taken.push(2 ** (10 + ((bytes[5] ?? 0) >>> 3)));
        this.#decoder.push(bytes, last);
      }
    },
  };
  const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x19, 0, 0, 97, 98, 99]); // a window of 128 MiB for "abc"
  const before = Buffer.from(wide);
  assert.equal(Buffer.from(zstdOfPackage(watched).decompress(wide, 1000)).toString(), 'abc');
  assert.deepEqual(taken, [2 ** 17]);
  assert.deepEqual(wide, before, 'what was given is not changed');
});

test('half a million headers in a record are read, in order, names that mean something to objects too', () => {
  const names = ['__proto__', 'constructor', 'toString', ''];
  const headers = Array.from({ length: 500_000 }, (_, i): [string, null] => [names[i % 4] ?? '', null]);
  const [message] = messages(encodeBatch([{ headers }]));
  assert.equal(message?.headers.length, 500_000);
  assert.deepEqual(message?.headers.slice(0, 4), headers.slice(0, 4));
  assert.equal(message?.header('hasOwnProperty'), undefined);
  assert.equal(message?.header('__proto__'), null);
});

test('snappy and lz4 of nothing are nothing', () => {
  for (const codec of [portableSnappy, portableLz4]) assert.equal(codec.decompress(codec.compress(Buffer.alloc(0)), 10).length, 0);
});
