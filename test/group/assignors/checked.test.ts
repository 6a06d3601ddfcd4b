import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assigned } from '../../../src/group/assignors/checked.js';
import type { Assignor, Member } from '../../../src/group/index.js';

const members: readonly Member[] = ['a', 'b'].map(memberId => ({ memberId, topics: ['orders'], ownedPartitions: [], generationId: -1 }));
const counts = new Map([['orders', 2]]);
const place = (partition: number, topic = 'orders') => ({ topic, partition });

/** An assignor of a user's that gives this. */
const giving = (given: Record<string, { topic: string; partition: number }[]>): Assignor => ({
  name: 'fair',
  protocol: 'eager',
  assign: () => new Map(Object.entries(given)),
});

test('what an assignor gives is looked at before it is told to anybody', () => {
  const sound = giving({ a: [place(0)], b: [place(1)] });
  assert.deepEqual([...assigned(sound, members, counts).keys()], ['a', 'b']);
  for (const [given, message] of [
    [{ a: [place(0)], c: [place(1)] }, /assignor "fair": it gives partitions to "c", who is no member/],
    [{ a: [place(0)], b: [place(0)] }, /it gives orders\/0 to a and to b/],
    [{ a: [place(2)] }, /it gives orders\/2, which does not exist/],
    [{ a: [place(0, 'bills')] }, /it gives bills\/0, which does not exist/],
  ] as const) {
    assert.throws(() => assigned(giving(given as never), members, counts), { code: 'TIDE_STATE', message });
  }
});
