import type { Assignor } from './assignor.js';
import { Shares } from './shares.js';
import { byName, wantedTopics } from './wanted.js';

/**
 * Partitions of all topics are dealt out one by one, in turns; a member that does not want the topic is passed over.
 * Even when all want the same topics, else not always. Equal to Java's RoundRobinAssignor.
 */
export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  protocol: 'eager',
  assign(members, partitionsOf) {
    const shares = new Shares(members);
    const circle = members.toSorted(byName);
    let turn = 0;
    for (const { topic, count, members: takers } of wantedTopics(circle, partitionsOf)) {
      const wants = new Set(takers);
      for (let partition = 0; partition < count; ) {
        const member = circle[turn];
        turn = (turn + 1) % circle.length;
        if (member === undefined || !wants.has(member)) continue;
        shares.give(member.memberId, topic, partition++);
      }
    }
    return shares.done();
  },
};
