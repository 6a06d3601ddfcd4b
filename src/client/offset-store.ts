import { brokerError, brokerErrorRow, errorNumbers } from '../base/broker-errors.js';
import { BrokerError, KafkaError, PartialError, StateError, TimeoutError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import { limited } from '../base/wait.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { Bounds } from '../cluster/cluster.js';
import type { ForPartition } from '../cluster/scatter.js';
import { OffsetCommit, OffsetFetch } from '../protocol/index.js';
import type { ClientCore } from './client.js';
import { byTopic } from './rounds.js';

/** Where a group stands, or is to stand, in one partition. */
export interface GroupOffset extends ForPartition {
  /** The next offset to read. */
  readonly offset: number;
  /** The topic's id as it was read, where that is known: a topic of the same name that was created since is not meant. */
  readonly topicId?: string | undefined;
  /** Of the record before it; -1 when unknown. Kafka uses it to notice a truncated log (KIP-320). */
  readonly leaderEpoch?: number | undefined;
  /** A note stored beside the offset. */
  readonly metadata?: string | null | undefined;
}

/** In whose name a member of a group commits. */
export interface GroupMember {
  /** The generation of the group, or the member's epoch (KIP-848). */
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | undefined;
}

/** What became of one partition of a commit; `error` undefined: stored. */
export interface CommitResult extends GroupOffset {
  readonly error: KafkaError | undefined;
}

/** Commits and reads the offsets of groups. */
export class OffsetStore {
  readonly #core: ClientCore;

  constructor(core: ClientCore) {
    this.#core = core;
  }

  /**
   * Stores offsets, all in one request.
   * @param member In whose name; without it, as one who is no member.
   * @throws KafkaError {@link PartialError} when some or all partitions were refused, with a {@link CommitResult} for each;
   * `TIDE_GROUP_IN_USE` when the group has live members, who alone may commit; otherwise why the coordinator could not be asked. With
   * `persistence: 'maybe'` when an attempt, the last or one before it, got no answer: it may have been stored.
   */
  async commit(
    groupId: string,
    offsets: readonly GroupOffset[],
    bounds: Bounds & { readonly timeoutMs?: number | undefined } = {},
    member?: GroupMember,
  ): Promise<void> {
    const ids = await this.#topicIds(offsets, bounds);
    const replaced = ({ topic, topicId }: GroupOffset) => topicId !== undefined && isAnother(ids.get(topic), topicId);
    const meant = offsets.filter(entry => !replaced(entry));
    const topics = [...byTopic(meant)].map(([name, entries]) => ({
      name,
      topicId: entries[0]?.topicId ?? ids.get(name) ?? ZERO_UUID,
      partitions: entries.map(({ partition, offset, leaderEpoch, metadata }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch ?? -1,
        committedMetadata: metadata ?? '',
      })),
    }));
    const withIds = topics.every(({ topicId }) => topicId !== ZERO_UUID);
    let unsure = false; // one attempt may have stored it, whatever became of the last
    const request = this.#core.coordinators.request(
      'group',
      groupId,
      OffsetCommit,
      version => ({
        groupId,
        ...(member === undefined ? {} : inNameOf(member, version)),
        topics: topics.map(({ name, topicId, partitions }) => (version >= 10 ? { topicId, partitions } : { name, partitions })),
      }),
      answer => {
        const codes = new Map<string, number>();
        for (const { name, topicId, partitions } of answer.topics) {
          for (const { partitionIndex, errorCode } of partitions) codes.set(`${name || topicId}/${partitionIndex}`, errorCode);
        }
        if ([...codes.values()].includes(errorNumbers.UNKNOWN_TOPIC_ID)) this.#outdated(ids);
        return offsets.map((entry): CommitResult => {
          const id = entry.topicId ?? ids.get(entry.topic);
          const answered = codes.get(`${entry.topic}/${entry.partition}`) ?? codes.get(`${id}/${entry.partition}`) ?? -1;
          const code = replaced(entry) ? errorNumbers.UNKNOWN_TOPIC_ID : answered;
          return { ...entry, error: code === 0 ? undefined : refusal(groupId, entry, code, member !== undefined) };
        });
      },
      {
        ...bounds,
        maxVersion: withIds ? undefined : 9,
        failed: error => {
          unsure ||= error instanceof KafkaError && error.persistence === 'maybe';
        },
      },
    );
    const results = await request.catch((error: unknown) => {
      throw unsure && error instanceof KafkaError ? withPersistence(error, 'maybe') : error;
    });
    const refused = results.filter(({ error }) => error !== undefined);
    const first = refused[0]?.error;
    if (first === undefined) return;
    if (first.code === 'TIDE_GROUP_IN_USE') throw unsure ? withPersistence(first, 'maybe') : first;
    const rest = refused.length > 1 ? ` (and ${refused.length - 1} more)` : '';
    throw new PartialError(`${first.message}${rest}`, first, results, unsure ? { persistence: 'maybe' } : {});
  }

  /**
   * Sees that these offsets are of topics that are still there, which Kafka does not for those of a transaction.
   * @throws KafkaError as {@link commit} for the first that is not.
   */
  async assertMeant(groupId: string, offsets: readonly GroupOffset[], bounds: Bounds): Promise<void> {
    const ids = await this.#topicIds(offsets, bounds);
    const replaced = offsets.find(({ topic, topicId }) => topicId !== undefined && isAnother(ids.get(topic), topicId));
    if (replaced !== undefined) throw refusal(groupId, replaced, errorNumbers.UNKNOWN_TOPIC_ID);
  }

  /** The committed offset of each partition, in their order; undefined where the group has none. */
  async fetch(groupId: string, partitions: readonly ForPartition[], bounds: Bounds = {}): Promise<readonly (GroupOffset | undefined)[]> {
    if (partitions.length === 0) return [];
    try {
      return await this.#fetch(groupId, partitions, bounds);
    } catch (error) {
      if (!isUnknownId(error)) throw error;
      return this.#fetch(groupId, partitions, bounds); // with the id of today: the topic was deleted, and perhaps made anew
    }
  }

  async #fetch(groupId: string, partitions: readonly ForPartition[], bounds: Bounds): Promise<readonly (GroupOffset | undefined)[]> {
    const ids = await this.#topicIds(partitions, bounds);
    const topics = [...byTopic(partitions)].map(([name, entries]) => ({
      name,
      topicId: ids.get(name) ?? ZERO_UUID,
      partitionIndexes: entries.map(({ partition }) => partition),
    }));
    const withIds = topics.every(({ topicId }) => topicId !== ZERO_UUID);
    return this.#core.coordinators.request(
      'group',
      groupId,
      OffsetFetch,
      version => {
        const named = topics.map(({ name, partitionIndexes }) => ({ name, partitionIndexes }));
        if (version < 8) return { groupId, topics: named, requireStable: version >= 7 };
        const listed = version >= 10 ? topics.map(({ topicId, partitionIndexes }) => ({ topicId, partitionIndexes })) : named;
        return { groups: [{ groupId, topics: listed }], requireStable: true };
      },
      answer => {
        const [group = answer] = answer.groups;
        if (group.errorCode !== 0) throw brokerError(group.errorCode, `read the offsets of group ${JSON.stringify(groupId)}`);
        const found = new Map<string, GroupOffset | undefined>();
        for (const topic of group.topics) {
          const name = topic.name || ('topicId' in topic ? nameOf(ids, topic.topicId) : undefined);
          if (name === undefined) continue;
          for (const entry of topic.partitions) {
            const where = `${name}/${entry.partitionIndex}`;
            if (entry.errorCode !== 0) {
              const error = brokerError(entry.errorCode, `read the offset of group ${JSON.stringify(groupId)} for ${where}`, {
                retriable: entry.errorCode === errorNumbers.UNKNOWN_TOPIC_ID ? false : undefined, // not with this id
              });
              if (isUnknownId(error)) this.#outdated(ids);
              throw error;
            }
            const { committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata } = entry;
            found.set(where, offset < 0 ? undefined : { topic: name, partition: entry.partitionIndex, offset, leaderEpoch, metadata });
          }
        }
        return partitions.map(({ topic, partition }) => {
          const where = `${topic}/${partition}`;
          if (found.has(where)) return found.get(where);
          // That is not to say that nothing is stored: whoever believed it would begin elsewhere.
          throw brokerError(-1, `read the offset of group ${JSON.stringify(groupId)} for ${where}`, {
            message: 'the answer leaves the partition out',
            context: { groupId, topic, partition },
          });
        });
      },
      { ...bounds, maxVersion: withIds ? undefined : 9 },
    );
  }

  async #topicIds(entries: readonly ForPartition[], { signal, deadline }: Bounds): Promise<ReadonlyMap<string, string>> {
    const { cluster } = this.#core;
    const names = new Set(entries.map(({ topic }) => topic));
    const ms = deadline?.remainingMs() ?? Number.POSITIVE_INFINITY;
    const late = () =>
      new TimeoutError(`the ids of topics ${[...names].join(', ')}: no broker has described them in time`, {
        retriable: true,
        persistence: 'no',
      });
    const { topics } = await limited(cluster.clock, { ms, signal, late }, stop => cluster.topics(names, stop));
    return new Map([...names].map(name => [name, topics.get(name)?.id ?? ZERO_UUID]));
  }

  /** One of these ids is that of no topic any more: they are asked for again when next needed. */
  #outdated(ids: ReadonlyMap<string, string>): void {
    const { cluster } = this.#core;
    for (const [name, id] of ids) {
      const topic = cluster.topic(name);
      if (topic?.id === id) cluster.outdated(topic);
    }
  }
}

const inNameOf = ({ generationId, memberId, groupInstanceId }: GroupMember, version: number) => ({
  generationIdOrMemberEpoch: generationId,
  memberId,
  ...(version >= 7 ? { groupInstanceId: groupInstanceId ?? null } : {}),
});

const isAnother = (now: string | undefined, id: string): boolean => now !== undefined && now !== ZERO_UUID && now !== id;

const isUnknownId = (error: unknown): boolean => error instanceof BrokerError && error.errno === errorNumbers.UNKNOWN_TOPIC_ID;

const nameOf = (ids: ReadonlyMap<string, string>, id: string): string | undefined => [...ids].find(([, known]) => known === id)?.[0];

/** Errors that pass and concern the whole group are thrown where the coordinator's errors are handled; the rest belong to their partition. */
function refusal(groupId: string, { topic, partition, offset, topicId }: GroupOffset, code: number, ofMember = false): KafkaError {
  const what = `commit ${topic}/${partition} at ${offset} for group ${JSON.stringify(groupId)}`;
  if (code === errorNumbers.UNKNOWN_MEMBER_ID && !ofMember) {
    return new StateError(
      'TIDE_GROUP_IN_USE',
      `${what}: the group has live members, and only they may commit; use another group id or stop them`,
      {
        errno: code,
        context: { groupId, topic, partition },
      },
    );
  }
  const context = { groupId, topic, partition, offset };
  if (code === errorNumbers.UNKNOWN_TOPIC_ID && topicId !== undefined) {
    const message = 'the topic was deleted since it was read; an offset of it means nothing for another of the same name';
    return brokerError(code, what, { message, retriable: false, context });
  }
  const error = brokerError(code, what, { context });
  const { remedy } = brokerErrorRow(code);
  if (remedy === 'find-coordinator' || remedy === 'retry') throw error;
  return error;
}
