/*
 * What one core can do with record batches in memory: M records/s and CPU nanoseconds per record, median of seven rounds.
 *
 *   node dist/bench/records.js
 *
 * Key and value of a message are views made when the message is made. "lazy views" is the alternative: a message that keeps positions
 * and makes its views when they are asked for. It gains where nobody looks at the values, and costs where somebody does.
 */
import { crc32cNative } from '../src/bytes/crc32c.js';
import { FastBuffer } from '../src/records/fast-buffer.js';
import { BatchBuilder, encodeBatch, type RecordBatch, readBatches } from '../src/records/index.js';
import { HEADER_BYTES } from '../src/records/layout.js';
import { indexRecords, KEY_AT, KEY_LENGTH, type RecordIndex, STRIDE, VALUE_AT, VALUE_LENGTH } from '../src/records/record-index.js';

const ROUNDS = 7;
const BATCH_BYTES = 512 * 1024;
let sink = 0;

class LazyMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly #index: RecordIndex;
  readonly #row: number;
  constructor(topic: string, partition: number, offset: number, timestamp: number, index: RecordIndex, row: number) {
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
    this.timestamp = timestamp;
    this.#index = index;
    this.#row = row;
  }
  get key(): Buffer | null {
    return this.#view(KEY_AT, KEY_LENGTH);
  }
  get value(): Buffer | null {
    return this.#view(VALUE_AT, VALUE_LENGTH);
  }
  #view(atField: number, lengthField: number): Buffer | null {
    const { bytes, fields } = this.#index;
    const length = fields[this.#row + lengthField]!;
    return length < 0 ? null : new FastBuffer(bytes.buffer, bytes.byteOffset + fields[this.#row + atField]!, length);
  }
}

function measure(name: string, records: number, work: () => void): void {
  const nanoseconds: number[] = [];
  for (let round = 0; round < ROUNDS + 1; round++) {
    const cpu = process.cpuUsage();
    let done = 0;
    const start = performance.now();
    for (; performance.now() - start < 300; done += records) work();
    const { user, system } = process.cpuUsage(cpu);
    if (round > 0) nanoseconds.push(((user + system) * 1000) / done);
  }
  const median = nanoseconds.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
  console.log(`${name.padEnd(44)} ${(1000 / median).toFixed(1).padStart(6)} M/s ${median.toFixed(0).padStart(6)} ns`);
}

function decode(bytes: Buffer, each: (batch: RecordBatch) => void): void {
  const reader = readBatches(bytes, { topic: 'bench', partition: 0 });
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) each(batch);
}

console.log(`node ${process.version}, CRC-32C ${crc32cNative === undefined ? 'in JavaScript' : 'native'}`);
for (const valueBytes of [100, 1024]) {
  const count = Math.floor(BATCH_BYTES / valueBytes);
  const value = Buffer.alloc(valueBytes, 'v');
  const key = Buffer.from('customer-1234567');
  const text = value.toString();
  const now = 1_700_000_000_000;
  const plain = encodeBatch(Array.from({ length: count }, (_, i) => ({ value, timestamp: now + (i >> 3) })));
  const keyed = encodeBatch(
    Array.from({ length: count }, (_, i) => ({ key, value, timestamp: now + (i >> 3), headers: { trace: 'abcdef' } })),
  );
  console.log(`\n${valueBytes} B values, ${count} in a batch`);

  measure('decode, open only', count, () => decode(plain, batch => (sink += batch.count)));
  measure('decode, iterate by next()', count, () =>
    decode(plain, batch => {
      for (let m = batch.next(); m !== undefined; m = batch.next()) sink += m.offset;
    }),
  );
  measure('decode, iterate by for-of', count, () =>
    decode(plain, batch => {
      for (const m of batch) sink += m.offset;
    }),
  );
  measure('decode, touch the value', count, () =>
    decode(plain, batch => {
      for (const m of batch) sink += m.value?.[0] ?? 0;
    }),
  );
  measure('decode key + value + header, touch both', count, () =>
    decode(keyed, batch => {
      for (const m of batch) sink += (m.value?.[0] ?? 0) + (m.key?.[0] ?? 0);
    }),
  );
  measure('decode key + value + header, read the header', count, () =>
    decode(keyed, batch => {
      for (const m of batch) sink += m.header('trace')?.length ?? 0;
    }),
  );

  const claims = { recordCount: count, lastOffsetDelta: count, baseTimestamp: now };
  const lazily = (touch: boolean) => (): void => {
    const index = indexRecords(plain, HEADER_BYTES, plain.length, claims);
    if (typeof index === 'string') throw new Error(index);
    for (let i = 0; i < count; i++) {
      const m = new LazyMessage('bench', 0, index.fields[i * STRIDE]!, index.timestamps[i]!, index, i * STRIDE);
      sink += touch ? (m.value?.[0] ?? 0) : m.offset;
    }
  };
  measure('lazy views, no CRC, value untouched', count, lazily(false));
  measure('lazy views, no CRC, touch the value', count, lazily(true));

  for (const fresh of [true, false]) {
    const memory = Buffer.allocUnsafeSlow(BATCH_BYTES);
    const builder = fresh ? new BatchBuilder(BATCH_BYTES) : new BatchBuilder(BATCH_BYTES, bytes => memory.subarray(0, bytes));
    const batchCount = count >> 3; // 64 KiB
    const encode = (append: (i: number) => void) => (): void => {
      for (let i = 0; i < batchCount; i++) append(i);
      sink += builder.seal().length;
    };
    const into = fresh ? 'fresh' : 'used';
    measure(
      `encode into ${into} memory, value as bytes`,
      batchCount,
      encode(i => builder.append(null, value, now + (i >> 3))),
    );
    measure(
      `encode into ${into} memory, key and value`,
      batchCount,
      encode(i => builder.append(key, value, now + (i >> 3))),
    );
    measure(
      `encode into ${into} memory, value as a string`,
      batchCount,
      encode(i => builder.append(null, text, now + (i >> 3))),
    );
  }
}
if (sink === 0) console.log('nothing was done');
