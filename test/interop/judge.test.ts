import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Acknowledged, assertSameLog, judge } from './main-job.js';
import type { Found } from './site.js';
import { Workload } from './workload.js';

const workload = new Workload({ count: 40, seed: 5, keyCount: 4 });

/** What a topic of one partition holds that has these messages, and the acknowledgements of those that are there. */
function topic(numbers: readonly number[]): { log: Found[]; acknowledged: Acknowledged } {
  const log = numbers.map((i, offset) => ({ partition: 0, offset, key: workload.key(i), value: workload.value(i) }));
  const acknowledged = Array.from({ length: workload.count }, (_, i) => {
    const offset = numbers.lastIndexOf(i);
    return offset < 0 ? undefined : { topic: 'orders', partition: 0, offset, timestamp: 0 };
  });
  return { log, acknowledged };
}

const all = Array.from({ length: workload.count }, (_, i) => i);
const judged = ({ log, acknowledged }: ReturnType<typeof topic>) => judge(workload, acknowledged, log);

test('a topic that holds every message once and in order is found to be right', () => {
  assert.deepEqual(judged(topic(all)), { repeatCount: 0, keyStepsBack: 0 });
});

test('repeats are counted, and do not count as disorder when the first records are in order', () => {
  const repeated = [...all.slice(0, 20), ...all.slice(0, 20), ...all.slice(20)];
  assert.deepEqual(judged(topic(repeated)), { repeatCount: 20, keyStepsBack: new Set(all.slice(0, 20).map(i => workload.key(i))).size });
});

test('an acknowledged message that is missing, changed, elsewhere, or of another workload is found', () => {
  const { log, acknowledged } = topic(all);
  const without = log.filter(({ offset }) => offset !== 7).map((record, offset) => ({ ...record, offset }));
  assert.throws(() => judge(workload, acknowledged, without), /acknowledged messages are not where the broker said/);
  const changed = log.map((record, i) => (i === 7 ? { ...record, value: record.value?.replace('7', '8') ?? null } : record));
  assert.throws(() => judge(workload, acknowledged, changed), /never sent/);
  const elsewhere = acknowledged.map((result, i) => (i === 7 && result ? { ...result, offset: 8 } : result));
  assert.throws(() => judge(workload, elsewhere, log), /1 acknowledged messages are not where the broker said/);
  assert.throws(() => judge(new Workload({ count: 40, seed: 6 }), acknowledged, log), /never sent/);
});

test('messages of one key out of order, a key in two partitions and a gap are found', () => {
  const [earlier, later] = [0, all.findIndex(i => i > 0 && workload.key(i) === workload.key(0))];
  const swapped = all.map(i => (i === earlier ? later : i === later ? earlier : i));
  assert.throws(() => judged(topic(swapped)), /comes after/);

  const { log, acknowledged } = topic(all);
  const moved = acknowledged.map((result, i) => (i === later && result ? { ...result, partition: 1, offset: 0 } : result));
  const last = log.filter(({ offset }) => offset !== later).map((record, offset) => ({ ...record, offset }));
  const stray = { partition: 1, offset: 0, key: workload.key(later), value: workload.value(later) };
  const placed = moved.map(result =>
    result && result.partition === 0 && result.offset > later ? { ...result, offset: result.offset - 1 } : result,
  );
  assert.throws(() => judge(workload, placed, [...last, stray]), /is in two partitions/);

  const gap = log.map(record => (record.offset > 7 ? { ...record, offset: record.offset + 1 } : record));
  assert.throws(() => judge(workload, acknowledged, gap), /offset where 8 belongs/);
});

test('a reader that gives another log than there is is found', () => {
  const { log } = topic(all);
  assertSameLog(log, log);
  assert.throws(() => assertSameLog(log.slice(1), log), /record 0 of 39 read, 40 stored/);
  assert.throws(() => assertSameLog(log.slice(0, -1), log), /record 39 of 39 read/);
  assert.throws(() => assertSameLog([...log, ...log.slice(0, 1)], log), /record 40 of 41 read/);
});
