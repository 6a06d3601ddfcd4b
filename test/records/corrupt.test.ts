import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CorruptRecordError, KafkaError } from '../../src/base/errors.js';
import { putChecksum } from '../../src/records/builder.js';
import { encodeBatch, type Message, type RecordInput, readBatches, type SealOptions } from '../../src/records/index.js';
import { anyRecord } from './samples.js';

const source = { topic: 'orders', partition: 3 };
const HEADER = 61;
const some: RecordInput[] = [
  {
    key: 'k',
    value: 'first',
    timestamp: 1000,
    headers: [
      ['a', '1'],
      ['b', null],
    ],
  },
  { value: 'second', timestamp: 1001 },
  { key: 'third', timestamp: 70_000 },
];

const messages = (bytes: Uint8Array): Message[] => [...readBatches(bytes, source)].flatMap(batch => [...batch]);

/** A batch with changed bytes and a checksum that fits them. */
function forged(change: (batch: Buffer) => void, records = some, options: SealOptions = {}): Buffer {
  const batch = encodeBatch(records, { baseOffset: 40, ...options });
  change(batch);
  putChecksum(batch);
  return batch;
}

/** A batch whose records are these bytes, whatever they are. */
function withRecords(records: readonly number[], count = 1, lastOffsetDelta = 10): Buffer {
  const batch = Buffer.concat([encodeBatch([], { baseOffset: 40, lastOffsetDelta }), Buffer.from(records)]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(count, 57);
  putChecksum(batch);
  return batch;
}

const isCorrupt = (expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CorruptRecordError);
  assert.equal(error.code, 'TIDE_CORRUPT');
  assert.deepEqual(error.context, { topic: 'orders', partition: 3, offset: 40 });
  assert.match(error.message, /^records of orders\/3 at offset 40: /);
  assert.match(error.message, expected);
  return true;
};

for (const compression of ['none', 'gzip'] as const) {
  test(`one flipped bit, anywhere, is never delivered: ${compression}`, () => {
    const batch = encodeBatch(some, { baseOffset: 40, compression });
    const expected = messages(batch);
    for (let bit = 0; bit < batch.length * 8; bit++) {
      const flipped = Buffer.concat([batch, encodeBatch(some, { baseOffset: 50 })]);
      const at = bit >> 3;
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      const reader = readBatches(flipped, source);
      let delivered: Message[] | undefined;
      try {
        delivered = reader.next()?.open() && [...(readBatches(flipped, source).next() ?? [])];
      } catch (error) {
        assert.ok(error instanceof KafkaError && (error.code === 'TIDE_CORRUPT' || error.code === 'TIDE_UNSUPPORTED'), String(error));
        continue;
      }
      // Kafka's checksum leaves out the offset and the leader's epoch, as a broker sets them; a length may look like a batch cut short.
      if (delivered === undefined) assert.ok(reader.partial && at >= 8 && at < 12, `bit ${bit}`);
      else {
        assert.ok(at < 8 || (at >= 12 && at < 16), `bit ${bit}`);
        assert.deepEqual(
          delivered.map(m => m.value),
          expected.map(m => m.value),
        );
      }
    }
  });
}

test('with a checksum that fits, a changed byte is noticed or gives whole messages: nothing else is thrown, nothing is read from outside', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 8 }),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      (records, changes) => {
        const bytes = forged(batch => {
          for (const [where, value] of changes) batch[21 + (where % (batch.length - 21))] = value;
        }, records);
        const own = new Uint8Array(new ArrayBuffer(bytes.length));
        own.set(bytes);
        try {
          for (const message of messages(own)) {
            for (const view of [message.key, message.value, ...message.headers.map(([, value]) => value)]) {
              if (view !== null) assert.ok(view.byteOffset + view.length <= bytes.length || view.buffer !== own.buffer);
            }
            assert.equal(typeof message.timestamp, 'number');
            assert.ok(Number.isSafeInteger(message.offset));
          }
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('the checksum is looked at before anything else in a batch', () => {
  const batch = encodeBatch(some, { baseOffset: 40 });
  batch.writeInt32BE(-5, 57);
  assert.throws(() => messages(batch), isCorrupt(/its checksum is \d+, expected \d+/));
});

test('behind a damaged batch whose length can be believed the next one is read', () => {
  const damaged = encodeBatch(some, { baseOffset: 40 });
  damaged[70] = 99;
  const reader = readBatches(Buffer.concat([damaged, encodeBatch(some, { baseOffset: 50 })]), source);
  assert.throws(() => reader.next(), isCorrupt(/checksum/));
  assert.equal(reader.next()?.baseOffset, 50);
});

test('a length that cannot be is an error, and nothing behind it is read', () => {
  for (const length of [0, -1, -(2 ** 31), 13, 48]) {
    const batch = encodeBatch(some, { baseOffset: 40 });
    batch.writeInt32BE(length, 8);
    const reader = readBatches(Buffer.concat([batch, batch]), source);
    assert.throws(() => reader.next(), isCorrupt(/a batch cannot have -?\d+ bytes/));
    assert.equal(reader.next(), undefined);
    assert.equal(reader.partial, false);
  }
});

test('what is no message format is damage, and so is a batch that claims an old one', () => {
  const withMagic = (magic: number): Buffer => {
    const batch = encodeBatch(some, { baseOffset: 40 });
    batch.writeInt8(magic, 16);
    return batch;
  };
  assert.throws(() => messages(withMagic(0)), isCorrupt(/its checksum is/));
  assert.throws(() => messages(withMagic(1)), isCorrupt(/its checksum is/));
  assert.throws(() => messages(withMagic(3)), isCorrupt(/message format 3/));
  assert.throws(() => messages(withMagic(-1)), isCorrupt(/message format -1/));
});

test('a header that contradicts itself is an error', () => {
  assert.throws(() => messages(forged(b => b.writeInt32BE(-1, 57))), isCorrupt(/claims -1 records in 3 offsets/));
  assert.throws(() => messages(forged(b => b.writeInt32BE(4, 57))), isCorrupt(/claims 4 records in 3 offsets/));
  assert.throws(() => messages(forged(b => b.writeInt32BE(-1, 23))), isCorrupt(/claims 3 records in 0 offsets/));
  assert.throws(() => messages(forged(b => b.writeInt16BE(5, 21))), isCorrupt(/no compression has the number 5/));
  assert.throws(() => messages(forged(b => b.writeBigInt64BE(2n ** 60n, 43))), isCorrupt(/producer id/));
});

test('an offset that a number cannot hold is an error', () => {
  const outside = /its offsets are not within 0 to 2\^53 - 1/;
  for (const baseOffset of [2n ** 53n - 3n, 2n ** 53n, 2n ** 63n - 1n, -1n]) {
    assert.throws(() => messages(forged(b => b.writeBigInt64BE(baseOffset))), { code: 'TIDE_CORRUPT', message: outside });
  }
  assert.equal(messages(forged(b => b.writeBigInt64BE(2n ** 53n - 4n))).at(-1)?.offset, 2 ** 53 - 2);
});

test('a timestamp that a number cannot hold is rounded', () => {
  const [message] = messages(forged(b => b.writeBigInt64BE(2n ** 63n - 1n, 27)));
  assert.equal(message?.timestamp, 2 ** 63);
  const [negative] = messages(forged(b => b.writeBigInt64BE(-1n, 27)));
  assert.equal(negative?.timestamp, -1);
});

test('a batch that follows must not go back', () => {
  const bytes = Buffer.concat([encodeBatch(some, { baseOffset: 38 }), encodeBatch(some, { baseOffset: 40 })]);
  assert.throws(() => messages(bytes), isCorrupt(/it follows a batch that ends before offset 41/));
});

test('a count is checked against the bytes there are before memory is taken', () => {
  const huge = (b: Buffer): void => {
    b.writeInt32BE(2 ** 31 - 1, 57);
    b.writeInt32BE(2 ** 31 - 1, 23);
  };
  assert.throws(() => messages(forged(huge)), isCorrupt(/2147483647 records cannot lie in \d+ bytes/));
  assert.throws(() => messages(forged(huge, some, { compression: 'gzip' })), isCorrupt(/2147483647 records cannot lie in \d+ bytes/));
});

test('a batch that claims records and has no bytes is an error', () => {
  for (const codec of [0, 1]) {
    const batch = withRecords([], 1);
    batch.writeInt16BE(codec, 21);
    putChecksum(batch);
    assert.throws(() => messages(batch), isCorrupt(/1 records cannot lie in 0 bytes/));
  }
});

/** Each is one record: length, attributes, timestamp, offset, key, value, headers. Numbers are zigzag-coded. */
const hostile: ReadonlyArray<readonly [name: string, bytes: readonly number[], expected: RegExp]> = [
  ['bytes behind the last record', [12, 0, 0, 0, 1, 1, 0, 0], /1 bytes follow the last of 1 records/],
  ['a record too short to be one', [10, 0, 0, 0, 1, 1, 0], /claims 5 bytes/],
  ['a negative record length', [11, 0, 0, 0, 1, 1, 0], /claims -6 bytes/],
  ['a record longer than what is there', [14, 0, 0, 0, 1, 1, 0], /claims 7 bytes of 6/],
  ['a record longer than its fields', [14, 0, 0, 0, 1, 1, 0, 0], /do not make up the 7 bytes/],
  ['a key that passes the record', [12, 0, 0, 0, 40, 1, 0], /do not make up/],
  ['a key of 2 GiB', [20, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0], /do not make up/],
  ['a key length of -2', [12, 0, 0, 0, 3, 1, 0], /do not make up/],
  ['a value length of -2', [12, 0, 0, 0, 1, 3, 0], /do not make up/],
  ['a header count of -1', [12, 0, 0, 0, 1, 1, 1], /do not make up/],
  ['a header count of 2 billion', [20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f], /do not make up/],
  ['a header without bytes', [12, 0, 0, 0, 1, 1, 2], /do not make up/],
  ['a null header name', [16, 0, 0, 0, 1, 1, 2, 1, 1], /do not make up/],
  ['a header name length that leads back to itself', [14, 0, 0, 0, 1, 1, 2, 1], /do not make up/],
  ['a header value length of -2', [16, 0, 0, 0, 1, 1, 2, 0, 3], /do not make up/],
  ['a header name that passes the record', [16, 0, 0, 0, 1, 1, 2, 4, 1], /do not make up/],
  ['a header value that passes the record', [16, 0, 0, 0, 1, 1, 2, 0, 4], /do not make up/],
  ['a varint of more than 5 bytes', [22, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1, 1, 0], /do not make up|offset delta/],
  ['a varint of more than 32 bits', [20, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x7f, 1, 1, 0], /offset delta/],
  ['a varint of 33 bits, the last of which would be lost', [20, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 1, 0], /offset delta/],
  ['a varlong of more than 64 bits', [30, 0, ...Array<number>(9).fill(0x80), 2, 0, 1, 1, 0], /do not make up/],
  ['a varlong of more than 10 bytes', [32, 0, ...Array<number>(10).fill(0x80), 0, 0, 1, 1, 0], /do not make up/],
  ['a negative offset delta', [12, 0, 0, 1, 1, 1, 0], /has the offset delta -1: expected 0 to 10/],
  ['an offset behind the last', [12, 0, 0, 22, 1, 1, 0], /has the offset delta 11: expected 0 to 10/],
];
for (const [name, bytes, expected] of hostile) {
  test(`is refused: ${name}`, () => {
    assert.throws(() => messages(withRecords(bytes)), isCorrupt(expected));
    // The same inside gzip, where nothing lies behind the records.
    const zipped = withRecords([...gzipSync(Buffer.from(bytes))]);
    zipped.writeInt16BE(1, 21);
    putChecksum(zipped);
    assert.throws(() => messages(zipped), isCorrupt(expected));
  });
}

test('integers may be longer than they need to be, as for Kafka', () => {
  const [message] = messages(withRecords([24, 0, 0x80, 0x00, 0x80, 0x80, 0x80, 0x80, 0x00, 0x81, 0x00, 1, 0]));
  assert.equal(message?.offset, 40);
  assert.equal(message?.key, null);
});

test('offsets that do not grow within a batch are an error, and none of its messages is given', () => {
  const one = [12, 0, 0, 4, 1, 1, 0];
  const batch = readBatches(withRecords([...one, ...one], 2), source).next();
  assert.throws(() => batch?.next(), isCorrupt(/record 1 of 2 has the offset delta 2: expected 3 to 10/));
});

test('damage behind good records keeps the good ones back too', () => {
  const batch = readBatches(
    forged(b => (b[b.length - 1] = 9)),
    source,
  ).next();
  assert.throws(() => batch?.next(), isCorrupt(/record 2 of 3/));
  assert.throws(() => batch?.at(0), isCorrupt(/record 2 of 3/));
});

test('a record header count is bounded by the bytes of its record', () => {
  const headers = Array.from({ length: 20_000 }, (): [string, null] => ['', null]);
  const start = performance.now();
  const [message] = messages(encodeBatch([{ headers }]));
  assert.equal(message?.headers.length, 20_000);
  assert.ok(performance.now() - start < 1000);
});

test('damaged gzip data is an error that carries its cause', () => {
  const batch = forged(b => b.fill(0xaa, HEADER + 10, HEADER + 20), some, { compression: 'gzip' });
  assert.throws(
    () => messages(batch),
    (error: unknown) => isCorrupt(/its gzip data is damaged/)(error) && error instanceof Error && error.cause instanceof Error,
  );
});
