import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BatchBuilder, type Bytes, encodeBatch, type RecordInput, readBatches } from '../../src/records/index.js';
import { anyOptions, anyRecord } from './samples.js';

const source = { topic: 'orders', partition: 3 };
const delivered = (given: Bytes | undefined): Buffer | null => (given === null || given === undefined ? null : Buffer.from(given));

test('what is written is read back: every field of every record', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 40 }), anyOptions, (records, options) => {
      const batch = readBatches(encodeBatch(records, options), source).next();
      assert.ok(batch);
      assert.equal(batch.count, records.length);
      const baseOffset = options.baseOffset ?? 0;
      records.forEach((record, i) => {
        const message = batch.at(i);
        assert.ok(message);
        assert.equal(message.offset, baseOffset + i);
        assert.equal(message.timestamp, options.appendTime ?? record.timestamp);
        assert.deepEqual(message.key, delivered(record.key));
        assert.deepEqual(message.value, delivered(record.value));
        const headers = (record.headers ?? []) as ReadonlyArray<readonly [string, Bytes]>;
        assert.deepEqual(
          message.headers,
          headers.map(([name, value]) => [name, delivered(value)]),
        );
      });
      assert.deepEqual(
        [...batch],
        Array.from({ length: batch.count }, (_, i) => batch.at(i)),
      );
    }),
  );
});

test('a builder is empty after a seal and can be used again', () => {
  const builder = new BatchBuilder(61);
  const seal = (value: string): Buffer => {
    assert.equal(builder.append('key', value, 1000), 0);
    assert.equal(builder.append(null, value, 999, [['name', null]]), 1);
    assert.equal(builder.count, 2);
    const { byteLength } = builder;
    const batch = builder.seal();
    assert.equal(batch.length, byteLength);
    assert.equal(batch.buffer.byteLength, batch.length, 'in memory of its own, exactly sized');
    assert.equal(builder.count, 0);
    assert.equal(builder.byteLength, 61);
    return batch;
  };
  const first = seal('one');
  const copy = Buffer.from(first);
  seal('two'.repeat(100_000));
  assert.deepEqual(first, copy, 'a sealed batch is not touched by the next');
  assert.deepEqual(seal('one'), first);
});

test('the memory of sealed batches can be given out again', () => {
  const memory = Buffer.alloc(4096);
  const builder = new BatchBuilder(100, bytes => memory.subarray(0, bytes));
  builder.append(null, 'value', 5);
  const batch = builder.seal();
  assert.equal(batch.buffer, memory.buffer);
  assert.deepEqual(batch, encodeBatch([{ value: 'value', timestamp: 5 }]));
});

test('the size a batch would have is foretold, never too small and at most a few bytes too large', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), records => {
      const builder = new BatchBuilder();
      for (const { key = null, value = null, timestamp = -1, headers } of records) {
        const list = headers as ReadonlyArray<readonly [string, Bytes]> | undefined;
        const foretold = builder.sizeAfter(key, value, list);
        builder.append(key, value, timestamp, list);
        const slack = foretold - builder.byteLength;
        assert.ok(slack >= 0 && slack <= 20 + 10 * (list?.length ?? 0), `${slack} bytes too many`);
      }
    }),
  );
});

test('a record that passes 2 GiB is refused and the batch stays as it was', () => {
  const builder = new BatchBuilder();
  builder.append(null, 'first', 1);
  const huge = Object.defineProperty(new Uint8Array(0), 'length', { value: 2 ** 31 });
  assert.throws(() => builder.append(null, huge, 1), { code: 'TIDE_TOO_LARGE' });
  assert.deepEqual(builder.seal(), encodeBatch([{ value: 'first', timestamp: 1 }]));
});

test('records may leave gaps between their offsets, but not go back', () => {
  const at = (offset: number): RecordInput => ({ value: String(offset), offset });
  const batch = readBatches(encodeBatch([at(12), at(15)], { baseOffset: 10, lastOffsetDelta: 9 }), source).next();
  assert.deepEqual(batch && [...batch].map(m => m.offset), [12, 15]);
  assert.equal(batch?.nextOffset, 20);
  assert.throws(() => encodeBatch([at(12), at(12)], { baseOffset: 10 }), { code: 'TIDE_INPUT' });
});

test('what a batch cannot say is refused, not written as something else', () => {
  const far = 2 ** 31;
  for (const magic of [0, 1, 2] as const) {
    for (const timestamp of [Number.NaN, 1.5, 2 ** 63, Number.POSITIVE_INFINITY]) {
      assert.throws(() => encodeBatch([{ timestamp }], { magic }), { code: 'TIDE_INPUT' }, `timestamp ${timestamp}`);
    }
    for (const offset of [Number.NaN, 1.5, 2 ** 53, ...(magic === 2 ? [far] : [])]) {
      assert.throws(() => encodeBatch([{}, { offset }], { magic }), { code: 'TIDE_INPUT' }, `offset ${offset}`);
    }
    for (const baseOffset of [Number.NaN, 1.5, 2 ** 53, -1]) {
      assert.throws(() => encodeBatch([{}], { magic, baseOffset }), { code: 'TIDE_INPUT' }, `base offset ${baseOffset}`);
    }
  }
  assert.throws(() => encodeBatch([{}], { magic: 7 as never }), { code: 'TIDE_INPUT' });
});
