import type { Assignor } from './assignor.js';
import { Shares } from './shares.js';
import { byName, wantedTopics } from './wanted.js';

/**
 * Topic by topic, each member that wants it gets a run of neighbouring partitions; the first members get one more where it does not come out even.
 * Topics with equally many partitions and the same members are cut at the same places, so that one member has the same keys of all of them.
 * Equal to Java's RangeAssignor. Racks (KIP-881) are not looked at.
 */
export const rangeAssignor: Assignor = {
  name: 'range',
  protocol: 'eager',
  assign(members, partitionsOf) {
    const shares = new Shares(members);
    for (const { topic, count, members: takers } of wantedTopics(members.toSorted(byName), partitionsOf)) {
      const least = Math.floor(count / takers.length);
      const withOneMore = count % takers.length;
      let next = 0;
      for (const [index, { memberId }] of takers.entries()) {
        const end = next + least + (index < withOneMore ? 1 : 0);
        for (; next < end; next++) shares.give(memberId, topic, next);
      }
    }
    return shares.done();
  },
};
