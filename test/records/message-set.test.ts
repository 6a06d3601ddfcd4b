import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CorruptRecordError, KafkaError, UnsupportedError } from '../../src/base/errors.js';
import { crc32 } from '../../src/bytes/crc32.js';
import { xxh32 } from '../../src/bytes/xxh32.js';
import {
  type Bytes,
  compress,
  type EncodeOptions,
  encodeBatch,
  type Message,
  type RecordInput,
  readBatches,
  scanBatches,
} from '../../src/records/index.js';
import { anyOldOptions, anyOldRecord } from './samples.js';

const source = { topic: 'orders', partition: 3 };
const some: RecordInput[] = [
  { key: 'k', value: 'first', timestamp: 1000 },
  { value: 'second', timestamp: 1001 },
  { key: 'third', timestamp: 70_000 },
];
const codecs = ['none', 'gzip', 'snappy', 'lz4'] as const;
const formats = ([0, 1] as const).flatMap(magic => codecs.map(compression => ({ magic, compression })));

const setAt = (baseOffset: number, options: EncodeOptions = {}, count = 3): Buffer =>
  encodeBatch(
    Array.from({ length: count }, (_, i) => ({ key: null, value: `value ${baseOffset + i}`, timestamp: 1000 + i })),
    { magic: 1, baseOffset, ...options },
  );
const messages = (bytes: Uint8Array, fromOffset?: number): Message[] =>
  [...readBatches(bytes, { ...source, fromOffset })].flatMap(batch => [...batch]);
const offsets = (bytes: Uint8Array, fromOffset?: number): number[] => messages(bytes, fromOffset).map(({ offset }) => offset);
const words = ({ offset, value }: Message): string => `${offset} ${value}`;
const delivered = (given: Bytes | undefined): Buffer | null => (given === null || given === undefined ? null : Buffer.from(given));

/** A message as it stands in a set, with anything in it. */
function message(fields: { offset?: number; magic?: number; attributes?: number; timestamp?: number; body: Buffer }): Buffer {
  const { offset = 40, magic = 1, attributes = 0, timestamp = 1000, body } = fields;
  const time = Buffer.alloc(magic === 0 ? 0 : 8);
  if (magic !== 0) time.writeBigInt64BE(BigInt(timestamp));
  const covered = Buffer.concat([Buffer.from([magic, attributes]), time, body]);
  const head = Buffer.alloc(16);
  head.writeBigInt64BE(BigInt(offset));
  head.writeInt32BE(covered.length + 4, 8);
  head.writeUInt32BE(crc32(covered), 12);
  return Buffer.concat([head, covered]);
}

/** A key that is null, and a value. */
function valued(value: Buffer | null): Buffer {
  const body = Buffer.alloc(8 + (value?.length ?? 0));
  body.writeInt32BE(-1, 0);
  body.writeInt32BE(value?.length ?? -1, 4);
  body.set(value ?? [], 8);
  return body;
}

/** Messages inside a compressed one, whatever they are. */
const wrapper = (inner: Buffer, fields: { offset?: number; magic?: number; attributes?: number; timestamp?: number } = {}): Buffer =>
  message({ attributes: 1, ...fields, body: valued(Buffer.from(compress('gzip', inner))) });
const plain = (offset: number, fields: { magic?: number; attributes?: number } = {}): Buffer =>
  message({ offset, timestamp: 500 + offset, ...fields, body: valued(Buffer.from(`value ${offset}`)) });

const isCorrupt =
  (expected: RegExp, offset = 40) =>
  (error: unknown) => {
    assert.ok(error instanceof CorruptRecordError);
    assert.deepEqual(error.context, { topic: 'orders', partition: 3, offset });
    assert.match(error.message, expected);
    return true;
  };

test('what is written in an old format is read back: every field of every record', () => {
  fc.assert(
    fc.property(fc.array(anyOldRecord, { minLength: 1, maxLength: 40 }), anyOldOptions, (records, options) => {
      const { magic, appendTime, baseOffset = 0 } = options;
      const found = messages(encodeBatch(records, options));
      assert.equal(found.length, records.length);
      records.forEach((record, i) => {
        const { offset, timestamp, timestampType, key, value, headers, leaderEpoch } = found[i] ?? {};
        assert.deepEqual(
          { offset, timestamp, timestampType, key, value, headers, leaderEpoch },
          {
            offset: baseOffset + i,
            timestamp: magic === 0 ? -1 : (appendTime ?? record.timestamp),
            timestampType: magic === 0 ? 'none' : appendTime === undefined ? 'create' : 'append',
            key: delivered(record.key),
            value: delivered(record.value),
            headers: [],
            leaderEpoch: -1,
          },
        );
      });
    }),
  );
});

for (const { magic, compression } of formats) {
  const name = `v${magic}, ${compression}`;

  test(`a batch of an old format says what it is: ${name}`, () => {
    const bytes = encodeBatch(some, { magic, compression, baseOffset: 40 });
    const [batch, ...more] = readBatches(bytes, source);
    assert.ok(batch);
    assert.equal(more.length, 0);
    const { lastOffset, nextOffset, sizeBytes } = batch;
    assert.deepEqual({ lastOffset, nextOffset, sizeBytes }, { lastOffset: 42, nextOffset: 43, sizeBytes: bytes.length });
    assert.ok(batch.baseOffset <= 40);
    batch.open();
    const { baseOffset, recordCount, leaderEpoch, producerId, isControl, maxTimestamp } = batch;
    assert.deepEqual(
      { baseOffset, recordCount, leaderEpoch, producerId, isControl, maxTimestamp, magic: batch.magic, compression: batch.compression },
      {
        baseOffset: 40,
        recordCount: 3,
        leaderEpoch: -1,
        producerId: -1,
        isControl: false,
        maxTimestamp: magic === 0 ? -1 : 70_000,
        magic,
        compression,
      },
    );
    const copy = batch.again().open();
    assert.deepEqual([copy.baseOffset, copy.recordCount, copy.offsetAt(2)], [40, 3, 42]);
  });

  test(`messages below the offset asked for are left out, though the broker sends what holds them: ${name}`, () => {
    const bytes = Buffer.concat([setAt(40, { magic, compression }), setAt(43, { magic, compression })]);
    assert.deepEqual(offsets(bytes), [40, 41, 42, 43, 44, 45]);
    assert.deepEqual(offsets(bytes, 41), [41, 42, 43, 44, 45]);
    assert.deepEqual(offsets(bytes, 44), [44, 45]);
    const [batch] = readBatches(setAt(40, { magic, compression }), source);
    batch?.open().seek(42);
    assert.equal(batch?.next()?.value?.toString(), 'value 42');
  });

  test(`cut short anywhere, what is whole is read and nothing else: ${name}`, () => {
    const whole = setAt(40, { magic, compression });
    const bytes = Buffer.concat([whole, setAt(43, { magic, compression })]);
    const ends = [0];
    for (let at = 0; at < bytes.length; ends.push(at)) at += 12 + bytes.readInt32BE(at + 8);
    const all = messages(bytes);
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const reader = readBatches(cut, source);
      const found = [...reader].flatMap(batch => [...batch]);
      const wholeEnd = ends.findLast(end => end <= length) ?? 0;
      const expected = compression === 'none' ? ends.indexOf(wholeEnd) : wholeEnd >= whole.length ? 3 : 0;
      assert.deepEqual(found.map(words), all.slice(0, expected).map(words));
      assert.equal(reader.partial, length > wholeEnd);
      const last = found.at(-1);
      const { nextOffset, wholeBytes } = scanBatches(cut);
      assert.deepEqual([nextOffset, wholeBytes], [last && last.offset + 1, wholeEnd]);
      const needed = length - wholeEnd < 17 ? undefined : (ends[ends.indexOf(wholeEnd) + 1] ?? 0) - wholeEnd;
      if (needed !== undefined) assert.equal(reader.bytesNeeded, needed);
    }
  });

  test(`one flipped bit, anywhere, never gives a wrong message: ${name}`, () => {
    const set = encodeBatch(some, { magic, compression, baseOffset: 40 });
    const expected = messages(set);
    for (let bit = 0; bit < set.length * 8; bit++) {
      const flipped = Buffer.concat([set, setAt(50, { magic, compression })]);
      const at = bit >> 3;
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      const found: Message[] = [];
      try {
        for (const batch of readBatches(flipped, source)) found.push(...batch);
      } catch (error) {
        assert.ok(error instanceof CorruptRecordError, String(error));
      }
      // The checksum leaves out offset and length: a broker sets the one, and the other decides what is checked.
      for (const { key, value, timestamp } of found) {
        const known = expected.some(each => same(each.key, key) && same(each.value, value) && each.timestamp === timestamp);
        assert.ok(known || String(value).startsWith('value 5'), `bit ${bit}`);
      }
    }
  });
}

test('bytes that are changed anywhere give an error of ours, or whole messages; and cutting the bytes makes no difference to those before', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(anyOldRecord, { minLength: 1, maxLength: 8 }),
      anyOldOptions,
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (records, options, changes, mended) => {
        const bytes = encodeBatch(records, options);
        for (const [where, value] of changes) bytes[where % bytes.length] = value;
        if (mended && bytes.readInt32BE(8) === bytes.length - 12) bytes.writeUInt32BE(crc32(bytes, 16), 12); // of the first, or of all of it
        try {
          for (const { offset, timestamp, headers } of messages(bytes)) {
            assert.ok(Number.isSafeInteger(offset) && offset >= 0);
            assert.equal(typeof timestamp, 'number');
            assert.deepEqual(headers, []);
          }
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a log of all formats is read through, and its end is seen without reading', () => {
  const parts = [
    setAt(10, { magic: 0 }),
    setAt(13, { magic: 0, compression: 'lz4' }),
    setAt(16, { magic: 1 }),
    setAt(19, { magic: 1, compression: 'gzip' }),
    setAt(22, { magic: 2 }),
    setAt(25, { magic: 1 }),
    setAt(28, { magic: 2, compression: 'snappy' }),
  ];
  const bytes = Buffer.concat(parts);
  assert.deepEqual(
    offsets(bytes),
    Array.from({ length: 21 }, (_, i) => 10 + i),
  );
  assert.deepEqual(
    [...readBatches(bytes, source)].map(batch => batch.magic),
    [0, 0, 1, 1, 2, 1, 2],
  );
  assert.deepEqual(scanBatches(bytes), { nextOffset: 31, wholeBytes: bytes.length, bytesNeeded: 0 });
  const four = Buffer.concat(parts.slice(0, 4));
  assert.equal(scanBatches(four).nextOffset, 22);
  assert.equal(scanBatches(four.subarray(0, -1)).nextOffset, 19);
});

test('messages that stand alone are read many at a time, and no more than about 64 KiB', () => {
  const batches = [...readBatches(setAt(0, {}, 5000), source)];
  assert.ok(batches.length > 2 && batches.length < 10, `${batches.length} batches`);
  for (const batch of batches) assert.ok(batch.sizeBytes <= 64 * 1024);
  assert.deepEqual(
    batches.flatMap(batch => Array.from(batch, ({ offset }) => offset)),
    Array.from({ length: 5000 }, (_, i) => i),
  );
});

test('create time and append time do not get into one batch', () => {
  const bytes = Buffer.concat([plain(1), plain(2), plain(3, { attributes: 8 }), plain(4, { attributes: 8 }), plain(5)]);
  assert.deepEqual(
    [...readBatches(bytes, source)].map(batch => [batch.timestampType, ...Array.from(batch, ({ timestamp }) => timestamp)]),
    [
      ['create', 501, 502],
      ['append', 503, 504],
      ['create', 505],
    ],
  );
});

test('a damaged message among others costs itself alone', () => {
  const damaged = plain(41);
  damaged[damaged.length - 1] = 0;
  const reader = readBatches(Buffer.concat([plain(39), plain(40), damaged, plain(42)]), source);
  assert.deepEqual(
    [...(reader.next() ?? [])].map(({ offset }) => offset),
    [39, 40],
  );
  assert.throws(() => reader.next(), isCorrupt(/its checksum is \d+, expected \d+/, 41));
  assert.deepEqual(
    [...(reader.next() ?? [])].map(({ offset }) => offset),
    [42],
  );
  const again = readBatches(Buffer.concat([damaged, plain(42)]), source);
  assert.throws(() => again.next());
  assert.equal(again.endOfDamage(41), 42);
});

test('in v1 the offsets inside count from the first, and the wrapper has the last; gaps that compaction made stay', () => {
  const inner = Buffer.concat([plain(2), plain(3), plain(9)]);
  assert.deepEqual(offsets(wrapper(inner, { offset: 49 })), [42, 43, 49]);
  assert.deepEqual(offsets(wrapper(inner, { offset: 9 })), [2, 3, 9]);
  const [batch] = readBatches(wrapper(inner, { offset: 49 }), source);
  assert.equal(batch?.open().baseOffset, 42);
});

test('a compressed message of v1 is the same wherever it lies, but for its offset; one of v0 is not', () => {
  for (const compression of ['gzip', 'snappy', 'lz4'] as const) {
    const [here, there] = [0, 2 ** 40].map(baseOffset => encodeBatch(some, { magic: 1, compression, baseOffset }));
    assert.deepEqual(here?.subarray(8), there?.subarray(8));
    const [old, later] = [0, 2 ** 40].map(baseOffset => encodeBatch(some, { magic: 0, compression, baseOffset }));
    assert.notDeepEqual(old?.subarray(8), later?.subarray(8));
  }
});

test('in v0 the offsets inside are as they stand', () => {
  const inner = Buffer.concat([plain(42, { magic: 0 }), plain(45, { magic: 0 })]);
  assert.deepEqual(offsets(wrapper(inner, { offset: 45, magic: 0 })), [42, 45]);
  assert.deepEqual(offsets(wrapper(inner, { offset: 47, magic: 0 })), [42, 45]);
});

test('a wrapper with the offset 0, as producers send it, leaves the offsets inside as they stand, and ends behind the last', () => {
  for (const magic of [0, 1]) {
    const inner = Buffer.concat([plain(0, { magic }), plain(1, { magic }), plain(2, { magic })]);
    const bytes = Buffer.concat([wrapper(inner, { offset: 0, magic }), plain(3, { magic })]);
    assert.deepEqual(offsets(bytes), [0, 1, 2, 3]);
    assert.equal(readBatches(bytes, source).next()?.nextOffset, 3);
  }
});

test('a wrapper whose offset is below that of the last message in it is damaged', () => {
  for (const magic of [0, 1]) {
    const bytes = wrapper(Buffer.concat([plain(0, { magic }), plain(41, { magic })]), { magic });
    assert.throws(() => messages(bytes), isCorrupt(/the last message in it has the offset 41, which is above its own/));
  }
});

test('append time is that of the wrapper, for all messages in it', () => {
  const bytes = wrapper(Buffer.concat([plain(0), plain(1)]), { attributes: 1 | 8, timestamp: 123_456 });
  assert.deepEqual(
    messages(bytes).map(({ timestamp, timestampType }) => [timestamp, timestampType]),
    [
      [123_456, 'append'],
      [123_456, 'append'],
    ],
  );
});

test('messages that are compressed within a compressed one are refused', () => {
  const inner = wrapper(plain(0), { offset: 0 });
  assert.throws(() => messages(wrapper(inner)), isCorrupt(/message 0 of 1 in it is compressed once more, which none may be/));
});

test('what cannot be inside a compressed message is damage', () => {
  const bad = (inner: Buffer, expected: RegExp) => assert.throws(() => messages(wrapper(inner)), isCorrupt(expected));
  const broken = plain(1);
  broken[20] = 99;
  bad(Buffer.alloc(0), /there are no messages in it/);
  bad(Buffer.concat([plain(0), plain(1).subarray(0, -1)]), /message 1 in it is not whole/);
  bad(Buffer.concat([plain(0), Buffer.from([1])]), /message 1 in it is not whole/);
  bad(Buffer.concat([plain(0), broken]), /message 1 of 2 in it: its checksum/);
  bad(Buffer.concat([plain(1), plain(1)]), /message 1 of 2 in it has the offset 1, behind 1/);
  bad(Buffer.concat([plain(0, { magic: 2 })]), /message format 2 where 0 or 1 is expected/);
  assert.throws(() => messages(message({ attributes: 1, body: valued(null) })), isCorrupt(/its gzip data is missing/));
  assert.throws(() => messages(message({ attributes: 1, body: valued(Buffer.from('no gzip')) })), isCorrupt(/its gzip data is damaged/));
  assert.throws(
    () => messages(Buffer.concat([plain(39), wrapper(Buffer.concat([plain(0), plain(5)]))])),
    isCorrupt(/its first offset is 35, but it follows a batch that ends before offset 40/),
  );
});

test('a message whose lengths do not make it up is damaged, also with a checksum that fits', () => {
  const body = (...lengths: number[]): Buffer => {
    const bytes = Buffer.alloc(lengths.length * 4);
    lengths.forEach((length, i) => {
      bytes.writeInt32BE(length, i * 4);
    });
    return bytes;
  };
  const expected = /its key and its value do not make up the \d+ bytes it claims/;
  for (const lengths of [
    [-2, -1],
    [-1, -2],
    [0, 5],
    [2 ** 31 - 1, -1],
    [-1, 2 ** 31 - 1],
    [-1, -1, 7],
    [8, -1],
    [-(2 ** 31), -1],
    [4, 3],
  ]) {
    for (const magic of [0, 1]) assert.throws(() => messages(message({ magic, body: body(...lengths) })), isCorrupt(expected));
  }
  assert.throws(() => messages(message({ magic: 1, body: Buffer.alloc(0) })), isCorrupt(expected));
  assert.throws(
    () => messages(message({ attributes: 4, body: body(-1, -1) })),
    isCorrupt(/no compression has the number 4 in message format 1/),
  );
  assert.throws(() => messages(message({ attributes: 7, body: body(-1, -1) })), isCorrupt(/no compression has the number 7/));
});

test('offsets that go back or that a number cannot hold are damage', () => {
  assert.throws(() => messages(Buffer.concat([plain(41), plain(40)])), isCorrupt(/it follows a batch that ends before offset 42/));
  for (const offset of [-1n, 2n ** 53n - 1n, 2n ** 62n]) {
    const bytes = plain(40);
    bytes.writeBigInt64BE(offset);
    assert.throws(() => messages(bytes), { code: 'TIDE_CORRUPT', message: /its offset is not within 0 to 2\^53 - 1/ });
  }
});

test('the bound on decompressed bytes counts what it takes to tell the messages apart', async () => {
  const many = Buffer.concat(Array.from({ length: 1000 }, (_, i) => plain(i)));
  const bytes = wrapper(many, { offset: 999 });
  const open = (maxDecompressedBytes: number) =>
    readBatches(bytes, { ...source, maxDecompressedBytes })
      .next()
      ?.open();
  assert.throws(() => open(many.length - 1), { code: 'TIDE_TOO_LARGE', message: /bytes of gzip are more than/ });
  assert.throws(() => open(many.length + 31_999), {
    code: 'TIDE_TOO_LARGE',
    message: /1000 records of \d+ bytes, and 32000 bytes to tell/,
  });
  assert.equal(open(many.length + 32_000)?.count, 1000);
});

test('what decompresses to more than 16 MiB is done in turns', async () => {
  const value = Buffer.alloc(6 * 2 ** 20, 'ab');
  for (const compression of ['gzip', 'snappy', 'lz4'] as const) {
    const bytes = encodeBatch([{ value }, { value }, { value }], { magic: 1, compression, baseOffset: 5 });
    const batch = readBatches(bytes, source).next();
    let turns = 0;
    const opening = batch?.openInTurns(async () => {
      turns += 1;
    });
    assert.ok(opening instanceof Promise, compression);
    await opening;
    if (compression !== 'gzip') assert.ok(turns > 2, compression); // which runs elsewhere
    assert.deepEqual(
      batch && Array.from(batch, each => [each.offset, each.value?.equals(value)]),
      [5, 6, 7].map(offset => [offset, true]),
    );
  }
});

test('the broken header checksum of old lz4 writers is accepted in v0 only', () => {
  const written = (magic: 0 | 1, from: number, change = 0): Buffer => {
    const frame = Buffer.from(compress('lz4', plain(magic === 0 ? 40 : 0, { magic })));
    frame[6] = ((xxh32(frame, from, 6) >>> 8) & 0xff) ^ change;
    return message({ magic, attributes: 3, body: valued(frame) });
  };
  const [right, broken] = [4, 0]; // what the checksum covers begins behind the magic number; they counted that too
  assert.deepEqual(offsets(written(0, right)), [40]);
  assert.deepEqual(offsets(written(1, right)), [40]);
  assert.deepEqual(offsets(written(0, broken)), [40]);
  assert.throws(() => messages(written(1, broken)), isCorrupt(/lz4 data is damaged/));
  assert.throws(() => messages(written(0, broken, 1)), isCorrupt(/lz4 data is damaged/));
});

test('what old formats have no place for is refused when it is written', () => {
  const write = (record: RecordInput, options: EncodeOptions) => () => encodeBatch([record], options);
  for (const magic of [0, 1] as const) {
    assert.throws(write({ value: 'x', headers: { a: '1' } }, { magic }), (error: unknown) => {
      assert.ok(error instanceof UnsupportedError);
      assert.match(error.message, /message format v[01] has no headers: they need record format v2, of Kafka 0\.11/);
      return true;
    });
    assert.throws(write({ value: 'x' }, { magic, compression: 'zstd' }), { code: 'TIDE_UNSUPPORTED', message: /knows no zstd/ });
    assert.throws(write({ value: 'x' }, { magic, producerId: 5 }), { code: 'TIDE_INPUT', message: /no place for producerId/ });
    assert.doesNotThrow(write({ value: 'x', headers: [] }, { magic, producerId: undefined }));
  }
  assert.throws(write({ value: 'x' }, { magic: 0, appendTime: 5 }), { code: 'TIDE_INPUT', message: /v0 has no place for appendTime/ });
  assert.throws(() => encodeBatch([{ offset: 5 }, { offset: 5 }], { magic: 1 }), { code: 'TIDE_INPUT', message: /offset 5 is below 6/ });
  assert.equal(encodeBatch([], { magic: 1, compression: 'gzip' }).length, 0);
});

const same = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));
