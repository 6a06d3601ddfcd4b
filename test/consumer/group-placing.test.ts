import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { every, groupSetting, nextEvent } from './group-setting.js';
import { stored, until } from './setting.js';

test('where a partition would begin is not stored once it has gone to another member, who may be further by then', async t => {
  const { cluster, member } = await groupSetting(t);
  const options = { assignors: ['range'], autoCommit: { everyMs: 60_000 } };
  const [first, second] = [member(options), member(options)];
  const failed = every(first, 'commitFailed');
  let isHeld = true;
  const finding = cluster.on(OffsetFetch, () => isHeld).hold();
  const reading = first.getMessages(1, { timeoutMs: null });
  await finding.held; // the first has everything, and does not know where to begin
  isHeld = false;
  const rebalanced = nextEvent(second, 'rebalance');
  const messages = second.getMessages(50, { timeoutMs: null });
  const { partitions } = await rebalanced;
  assert.equal(partitions.length, 2);
  assert.equal((await messages).length, 50);
  await second.commit(await messages);
  finding.release();
  await reading;
  await until(() => first.offsets().every(({ position }) => position !== undefined));
  await first.commit();
  const after = stored(cluster, 'billing');
  for (const { partition } of partitions) assert.equal(after[partition], 25, `orders/${partition}`);
  assert.ok(cluster.requests(OffsetCommit).length > 1);
  assert.deepEqual(failed, []);
});
