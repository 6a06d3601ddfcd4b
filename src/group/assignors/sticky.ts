import { KafkaError } from '../../base/errors.js';
import { Reader } from '../../bytes/reader.js';
import { Writer } from '../../bytes/writer.js';
import { Message } from '../../protocol/index.js';
import { array, int32, string } from '../../protocol/schema.js';
import { byTopic, oneByOne } from '../by-topic.js';
import type { Assignor, Member } from './assignor.js';
import type { Claim } from './claims.js';
import { stickyShares } from './sticky-shares.js';

/**
 * What members of an eager group bring along: what they had, as they say in their subscription that they hold nothing. No version stands before it.
 * v1 adds the generation (KIP-341).
 * Source: org.apache.kafka.clients.consumer.StickyAssignor, the schemas of its user data.
 */
export const StickyUserData = new Message({
  name: 'StickyUserData',
  versions: [0, 1],
  flexible: undefined,
  fields: {
    previousAssignment: array({ topic: string, partitions: array(int32) }),
    generation: int32.from(1).default(-1),
  },
});

/**
 * As even as can be, and partitions stay where they were as far as that allows; every member gives up all it holds for the time of a rebalance.
 * Understands members of Java's StickyAssignor, and is understood by them. Equal to it, but for the order in which members are looked at, where
 * all want the same topics; where they do not, it is at least as even, and where equally even, moves at most as much. Racks (KIP-881) are not looked at.
 */
export const stickyAssignor: Assignor = {
  name: 'sticky',
  protocol: 'eager',
  userData(owned, generationId) {
    if (generationId < 0 && owned.length === 0) return undefined;
    const writer = new Writer();
    StickyUserData.encode(writer, 1, { previousAssignment: byTopic(owned), generation: generationId });
    return writer.toBuffer();
  },
  assign: (members, partitionsOf) => stickyShares(members.map(claimOf), partitionsOf).done(),
};

/** Nothing, where a member's user data cannot be read: another client may use it otherwise. */
function claimOf(member: Member): Claim {
  for (const version of [1, 0]) {
    try {
      const { previousAssignment, generation } = StickyUserData.decode(new Reader(member.userData ?? nothing), version);
      return { member, owned: oneByOne(previousAssignment), generationId: Math.max(-1, generation) };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
    }
  }
  return { member, owned: [], generationId: -1 };
}

const nothing = Buffer.alloc(0);
