import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { KafkaError } from '../../src/base/errors.js';
import {
  type Codec,
  codecOf,
  compressionNames,
  encodeBatch,
  OutputLimitError,
  readBatches,
  registerCodec,
} from '../../src/records/index.js';

const source = { topic: 'orders', partition: 3 };

test('the codecs stand at the places of their numbers', () => {
  assert.deepEqual(compressionNames, ['none', 'gzip', 'snappy', 'lz4', 'zstd']);
});

test('gzip makes repeated records small, more so with a higher level', () => {
  const records = Array.from({ length: 500 }, (_, i) => ({ key: `customer-${i % 50}`, value: `{"amount":${i * 7},"currency":"EUR"}` }));
  const size = (level?: number): number => encodeBatch(records, { compression: 'gzip', level }).length;
  assert.ok(size() < encodeBatch(records).length / 3);
  assert.ok(size(9) < size(1));
});

test('a small batch that would fill memory when decompressed is refused by the bound, which the error names', () => {
  const bomb = encodeBatch([{ value: Buffer.alloc(64 * 2 ** 20) }], { compression: 'gzip', baseOffset: 7 });
  assert.ok(bomb.length < 100_000);
  const [batch] = readBatches(bomb, { ...source, maxDecompressedBytes: 2 ** 20 });
  const before = process.memoryUsage().arrayBuffers;
  assert.throws(
    () => batch?.open(),
    (error: unknown) => {
      assert.ok(error instanceof KafkaError);
      assert.equal(error.code, 'TIDE_TOO_LARGE');
      assert.match(error.message, /orders\/3 at offset 7: \d+ bytes of gzip are more than maxDecompressedBytes \(1048576\)/);
      assert.deepEqual(error.context, { topic: 'orders', partition: 3, offset: 7, maxDecompressedBytes: 2 ** 20 });
      return true;
    },
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 2 ** 20);
  const [whole] = readBatches(bomb, source);
  assert.equal(whole?.next()?.value?.length, 64 * 2 ** 20);
});

const logs = Array.from({ length: 500 }, (_, i) => ({ key: `customer-${i % 50}`, value: `{"amount":${i * 7},"currency":"EUR"}` }));

for (const compression of ['gzip', 'snappy', 'lz4'] as const) {
  test(`${compression}: a batch comes back as it was, with its checksum over the compressed bytes`, () => {
    const [batch] = readBatches(encodeBatch(logs, { compression, baseOffset: 40 }), source);
    assert.equal(batch?.compression, compression);
    assert.ok((batch?.sizeBytes ?? 0) < encodeBatch(logs).length / 2);
    const read = [...(batch ?? [])].map(({ key, value, offset }) => [String(key), String(value), offset]);
    assert.deepEqual(
      read,
      logs.map(({ key, value }, i) => [key, value, 40 + i]),
    );
  });
}

test('zstd: a batch comes back, or the error names what it would take', () => {
  const write = () => encodeBatch(logs, { compression: 'zstd' });
  if ('zstdCompressSync' in zlib) assert.equal(readBatches(write(), source).next()?.count, logs.length);
  else assert.throws(write, { code: 'TIDE_UNSUPPORTED', message: /Node\.js 22\.15/ });
});

test('a codec of the user takes the place of the built-in one, for writing and for reading', t => {
  const flip = (bytes: Uint8Array) => bytes.map(byte => byte ^ 0xff);
  const replaced = registerCodec({ name: 'zstd', compress: flip, decompress: flip });
  t.after(() => registerCodec(replaced));
  const bytes = encodeBatch([{ value: 'tea' }], { compression: 'zstd' });
  assert.ok(!bytes.includes('tea'));
  assert.equal(String(readBatches(bytes, source).next()?.at(0)?.value), 'tea');
});

test('what a codec of the user gives is looked at: bytes, and no more than the bound', t => {
  const give = (output: unknown) => registerCodec({ name: 'zstd', compress: bytes => bytes, decompress: () => output as Uint8Array });
  const replaced = give('text');
  t.after(() => registerCodec(replaced));
  const open = () =>
    readBatches(encodeBatch([{ value: 'tea' }], { compression: 'zstd' }), { ...source, maxDecompressedBytes: 100 })
      .next()
      ?.open();
  assert.throws(open, { code: 'TIDE_CORRUPT', message: /zstd data is damaged/, cause: new Error('its codec gave "text", expected bytes') });
  give(Buffer.alloc(101));
  assert.throws(open, { code: 'TIDE_TOO_LARGE' });
  assert.throws(() => registerCodec({ ...replaced, name: 'brotli' as 'zstd' }), { code: 'TIDE_INPUT', message: /gzip, snappy, lz4, zstd/ });
  assert.throws(() => registerCodec({ name: 'lz4', compress: Buffer.from } as unknown as Codec), { code: 'TIDE_INPUT' });
});

test('a batch is opened at once where that is quick, and in turns where it takes long', async () => {
  const turn = () => new Promise<void>(resolve => setImmediate(resolve));
  const small = readBatches(encodeBatch(logs, { compression: 'lz4' }), source).next();
  assert.equal(small?.openInTurns(turn), undefined);
  assert.equal(small?.count, logs.length);
  for (const compression of ['gzip', 'snappy', 'lz4'] as const) {
    const value = Buffer.alloc(20 * 2 ** 20, 'tide');
    const bytes = encodeBatch([{ value }], { compression });
    const large = readBatches(bytes, source).next();
    const opening = large?.openInTurns(turn);
    assert.ok(opening instanceof Promise, compression);
    await opening;
    assert.ok(large?.at(0)?.value?.equals(value));
    const bounded = readBatches(bytes, { ...source, maxDecompressedBytes: 18 * 2 ** 20 }).next();
    await assert.rejects(async () => bounded?.openInTurns(turn), { code: 'TIDE_TOO_LARGE', message: /maxDecompressedBytes/ });
  }
});

test('the bound counts what tells the records apart, so that a million tiny ones do not take more', () => {
  const tiny = encodeBatch(
    Array.from({ length: 10_000 }, () => ({})),
    { compression: 'gzip' },
  );
  const open = (maxDecompressedBytes: number) =>
    readBatches(tiny, { ...source, maxDecompressedBytes })
      .next()
      ?.open();
  assert.throws(() => open(300_000), { code: 'TIDE_TOO_LARGE', message: /10000 records of \d+ bytes, and 320000 bytes/ });
  assert.throws(() => open(50_000), { code: 'TIDE_TOO_LARGE', message: /bytes of gzip/ });
  assert.equal(open(450_000)?.count, 10_000);
});

test('a codec of the user that breaks its word is named, wherever it does', async t => {
  const builtIn = codecOf('gzip');
  t.after(() => registerCodec(builtIn));
  const compressed = encodeBatch([{ value: 'tea' }], { compression: 'gzip' });
  const wrong: readonly (() => unknown)[] = [
    () => {
      throw new Error('away');
    },
    () => undefined,
    () => 'tea',
  ];
  for (const each of wrong) {
    const decompress = () => {
      throw new OutputLimitError();
    };
    registerCodec({ name: 'gzip', compress: builtIn.compress, decompress, decompressInTurns: each as never });
    const [batch] = readBatches(compressed, { topic: 't', partition: 0 });
    await assert.rejects(async () => batch?.openInTurns(async () => {}), { code: 'TIDE_CORRUPT' });
  }
  for (const each of wrong.slice(1)) {
    registerCodec({ name: 'gzip', compress: each as never, decompress: builtIn.decompress });
    assert.throws(() => encodeBatch([{ value: 'tea' }], { compression: 'gzip' }), {
      code: 'TIDE_INPUT',
      message: /the codec for gzip gave/,
    });
  }
  assert.throws(() => registerCodec(undefined as never), { code: 'TIDE_INPUT' });
});

test('zstd: a hundred thousand frames that hold nothing are refused, as each would cost a decoder', () => {
  const empty = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00]);
  assert.throws(() => codecOf('zstd').decompress(Buffer.concat(Array<Buffer>(100_000).fill(empty)), 2 ** 20), /more than 100/);
});

test('a level the codec does not have, and header numbers that do not fit, are refused', () => {
  const encode = (options: object) => () => encodeBatch([{ value: 'v' }], options);
  assert.throws(encode({ compression: 'gzip', level: 99 }), { code: 'TIDE_INPUT', message: /gzip has levels from 1 to 9, got 99/ });
  assert.throws(encode({ compression: 'lz4', level: 1 }), { code: 'TIDE_INPUT', message: /lz4 has no levels/ });
  assert.throws(encode({ producerEpoch: 99_999 }), { code: 'TIDE_INPUT', message: /producer epoch of 99999/ });
  assert.throws(encode({ baseSequence: 2 ** 31 }), { code: 'TIDE_INPUT', message: /base sequence/ });
});
