import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../src/producer/batch.js';
import { BatchMemory } from '../../src/producer/batch-memory.js';
import { ManyDelivery } from '../../src/producer/delivery.js';
import { Lane } from '../../src/producer/lane.js';

const blockBytes = 1000;

test('what a full batch leaves behind is given out again; others have memory of their own', () => {
  const memory = new BatchMemory(blockBytes);
  const first = memory.take(900);
  assert.equal(first.length, 900);
  memory.giveBack(first);
  const second = memory.take(1000);
  assert.equal(second.length, 1000);
  assert.equal(second.buffer, first.buffer);
  assert.notEqual(memory.take(1000).buffer, second.buffer);
  for (const bytes of [1, 499, 1001]) {
    const own = memory.take(bytes);
    assert.equal(own.buffer.byteLength, bytes);
    memory.giveBack(own);
  }
  assert.equal(memory.take(600).buffer.byteLength, blockBytes);
});

test('no more than 4 MiB is kept', () => {
  const memory = new BatchMemory(1024 * 1024);
  const taken = Array.from({ length: 8 }, () => memory.take(1024 * 1024));
  for (const bytes of taken) memory.giveBack(bytes);
  const again = new Set(Array.from({ length: 8 }, () => memory.take(1024 * 1024).buffer));
  assert.equal(taken.filter(({ buffer }) => again.has(buffer)).length, 4);
});

/** The memory of a batch that was sent so many times, then stored; and that of the next batch. */
function sentAndStored(attempts: number): [ArrayBufferLike | undefined, ArrayBufferLike | undefined] {
  const lane = new Lane('orders', 0, { batchBytes: blockBytes, everyN: 100, deliveryTimeoutMs: 120_000, seal: {} });
  const take = (): Batch | undefined => {
    lane.append(new ManyDelivery(1, 'send'), 0, null, Buffer.alloc(700), 1, undefined, 0);
    return lane.take('none');
  };
  const batch = take();
  const first = batch?.bytes?.buffer;
  if (batch !== undefined) {
    batch.attempts = attempts;
    lane.arrived(batch);
    lane.stored(batch);
  }
  return [first, take()?.bytes?.buffer];
}

test('a batch that was sent more than once keeps its memory: an earlier attempt may still wait to be written', () => {
  const [first, next] = sentAndStored(1);
  assert.ok(first !== undefined && first === next);
  const [kept, other] = sentAndStored(2);
  assert.ok(kept !== undefined && other !== undefined && kept !== other);
});

test('what collects records goes from partition to partition: those that collect nothing keep none', () => {
  const memory = new BatchMemory(blockBytes);
  const builders = Array.from({ length: 20 }, () => memory.builder());
  for (const builder of builders) memory.spare(builder, blockBytes);
  const again = Array.from({ length: 20 }, () => memory.builder());
  assert.equal(again.filter(builder => builders.includes(builder)).length, 16);
  const [large = assert.fail()] = again;
  memory.spare(large, 4 * blockBytes + 1);
  assert.notEqual(memory.builder(), large, 'its memory grew too large to be kept');

  const lanes = [0, 1].map(
    partition => new Lane('orders', partition, { batchBytes: blockBytes, everyN: 100, deliveryTimeoutMs: 120_000, seal: {} }, memory),
  );
  const taken: unknown[] = [];
  const builder = memory.builder.bind(memory);
  memory.builder = () => {
    const given = builder();
    taken.push(given);
    return given;
  };
  for (const lane of [...lanes, ...lanes]) {
    lane.append(new ManyDelivery(1, 'send'), 0, null, 'x', 1, undefined, 0);
    lane.append(new ManyDelivery(1, 'send'), 0, null, 'y', 1, undefined, 0);
    assert.equal(lane.take('none')?.count, 2);
  }
  assert.deepEqual([taken.length, new Set(taken).size], [4, 1]);
});
