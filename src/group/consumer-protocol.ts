/**
 * What consumers of a group tell each other inside of JoinGroup and SyncGroup, under the protocol type "consumer". Brokers pass it on unread.
 * A version in two bytes, then the fields. Versions only ever add fields behind the others, so that a member may send a newer one than another
 * knows (KIP-429, "consumer protocol").
 * Source: ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json in Kafka's kafka-clients jar.
 */
import { ProtocolError } from '../base/errors.js';
import { Reader } from '../bytes/reader.js';
import { Writer } from '../bytes/writer.js';
import type { ForPartition } from '../cluster/scatter.js';
import { type Input, Message, type Output, type Shape } from '../protocol/index.js';
import { array, bytes, int32, string } from '../protocol/schema.js';
import { byTopic, oneByOne } from './by-topic.js';

/** The protocol type of groups whose members are consumers. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/** v1 what the member holds (KIP-429); v2 since which generation (KIP-792); v3 its rack (KIP-881). */
export const ConsumerProtocolSubscription = new Message({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  flexible: undefined,
  fields: {
    topics: array(string),
    userData: bytes.nullable().default(null), // the assignor's own
    ownedPartitions: array({ topic: string, partitions: array(int32) })
      .from(1)
      .default([])
      .ignorable(),
    generationId: int32.from(2).default(-1).ignorable(),
    rackId: string.from(3).nullable(3).default(null).ignorable(),
  },
});

/** v1 to v3 are as v0: they keep step with the subscription. */
export const ConsumerProtocolAssignment = new Message({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  flexible: undefined,
  fields: {
    assignedPartitions: array({ topic: string, partitions: array(int32) }),
    userData: bytes.nullable().default(null),
  },
});

/** What a member wants, and what it holds: what it says when it joins. */
export interface MemberSubscription {
  readonly topics: readonly string[];
  /** What it holds. Empty where it has given everything up before joining, and from members of Kafka before 2.4. */
  readonly ownedPartitions: readonly ForPartition[];
  /** The generation that gave it what it holds; -1: none, or it does not say (Kafka before 3.2). */
  readonly generationId: number;
  /** What its assignor adds, see {@link Assignor.userData}. */
  readonly userData?: Uint8Array | undefined;
  readonly rackId?: string | undefined;
}

/** What the leader gives to a member. */
export interface Assignment {
  readonly partitions: readonly ForPartition[];
  readonly userData?: Uint8Array | undefined;
}

/**
 * The bytes of a subscription, in order of names and numbers: equal subscriptions are equal bytes, and a static member that comes back with
 * equal ones does not start a rebalance.
 * @param version What an older one cannot say is left out.
 * @throws InputError for a topic name of more than 32,767 bytes, and a partition or generation that is no int32.
 */
export function encodeSubscription({ topics, ownedPartitions, generationId, userData, rackId }: MemberSubscription, version = 3): Buffer {
  return encode(ConsumerProtocolSubscription, version, {
    topics: [...new Set(topics)].sort(),
    userData: userData ?? null,
    ownedPartitions: byTopic(ownedPartitions),
    generationId,
    rackId: rackId ?? null,
  });
}

/**
 * Reads a subscription of any version; what a newer one has behind the fields of v3 is ignored. `userData` is a view of `from`.
 * @throws ProtocolError when it is none.
 */
export function decodeSubscription(from: Uint8Array): MemberSubscription {
  const { topics, userData, ownedPartitions, generationId, rackId } = decode(ConsumerProtocolSubscription, from);
  return {
    topics,
    ownedPartitions: oneByOne(ownedPartitions),
    generationId: Math.max(-1, generationId),
    userData: userData ?? undefined,
    rackId: rackId === null || rackId === '' ? undefined : rackId,
  };
}

/** The bytes of an assignment. @throws InputError as {@link encodeSubscription}. */
export function encodeAssignment({ partitions, userData }: Assignment, version = 3): Buffer {
  return encode(ConsumerProtocolAssignment, version, { assignedPartitions: byTopic(partitions), userData: userData ?? null });
}

/**
 * Reads an assignment of any version, as {@link decodeSubscription}. No bytes at all, which is what a broker gives to a member that the leader
 * has left out, are no partitions.
 * @throws ProtocolError when it is none.
 */
export function decodeAssignment(from: Uint8Array): Assignment {
  if (from.length === 0) return { partitions: [] };
  const { assignedPartitions, userData } = decode(ConsumerProtocolAssignment, from);
  return { partitions: oneByOne(assignedPartitions), userData: userData ?? undefined };
}

function encode<S extends Shape>(message: Message<S>, version: number, body: Input<S>): Buffer {
  const writer = new Writer();
  writer.int16(version);
  message.encode(writer, version, body);
  return writer.toBuffer();
}

/** Clients are known that say a newer version than they write: what ends just where an older version ends is taken for that one. */
function decode<S extends Shape>(message: Message<S>, from: Uint8Array): Output<S> {
  if (from.length < 2) throw new ProtocolError(`${message.name}: ${from.length} bytes, too few for a version`);
  const said = new Reader(from).int16();
  if (said < 0) throw new ProtocolError(`${message.name}: version ${said}`, { context: { version: said } });
  const [oldest, newest] = message.versions;
  const known = Math.min(said, newest);
  let reason: unknown;
  for (let version = known; version >= oldest; version--) {
    const reader = new Reader(from, 2);
    try {
      const body = message.decode(reader, version);
      if (version === known || reader.remaining === 0) return body;
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}
