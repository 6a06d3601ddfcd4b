import { type BrokerErrorName, errorNumbers } from '../../src/base/broker-errors.js';
import type { EmbeddedCluster, SeenRequest } from '../../src/embedded/index.js';
import {
  type Api,
  ConsumerGroupHeartbeat,
  Fetch,
  Heartbeat,
  JoinGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../src/protocol/index.js';

type Commit = SeenRequest<typeof OffsetCommit>;

/** What may become of a commit. */
export interface CommitFault {
  readonly kind: 'refuse' | 'refuse a part' | 'refuse after' | 'drop' | 'lose the answer' | 'delay';
  readonly error: BrokerErrorName;
}

const passing: readonly BrokerErrorName[] = ['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'];
/** What the two kinds of groups may say of a commit; a static member may be fenced as well. */
const refusals = {
  classic: [...passing, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'OFFSET_METADATA_TOO_LARGE'],
  consumer: [...passing, 'STALE_MEMBER_EPOCH', 'OFFSET_METADATA_TOO_LARGE'],
} as const satisfies Record<string, readonly BrokerErrorName[]>;

export function commitFault(isConsumer: boolean, isStatic: boolean, a: number, b: number): CommitFault {
  const kinds = ['refuse', 'refuse', 'refuse', 'refuse a part', 'refuse after', 'drop', 'lose the answer', 'delay'] as const;
  const kind = kinds[a % kinds.length] ?? 'refuse';
  const own: readonly BrokerErrorName[] = isStatic && !isConsumer ? ['FENCED_INSTANCE_ID'] : [];
  const errors: readonly BrokerErrorName[] =
    kind === 'refuse'
      ? [...(isConsumer ? refusals.consumer : refusals.classic), ...own]
      : kind === 'refuse after'
        ? passing
        : ['OFFSET_METADATA_TOO_LARGE'];
  return { kind, error: errors[b % errors.length] ?? 'NOT_COORDINATOR' };
}

/** Sees every commit, and lets go wrong what is asked for. */
export class Commits {
  readonly #queue: CommitFault[] = [];
  #fate: CommitFault | undefined;
  #first = -1;

  /**
   * @param sent Told of every commit that arrives.
   * @param accepted Told of every part of one that was stored, while nothing has happened since.
   */
  constructor(
    cluster: EmbeddedCluster,
    sent: (request: Commit) => void,
    accepted: (request: Commit, topic: number, partition: number) => void,
  ) {
    const always = Number.POSITIVE_INFINITY;
    // The first to be asked of each request: it says what becomes of it.
    cluster
      .on(OffsetCommit, request => {
        this.#fate = this.#queue.shift();
        this.#first = request.body.topics[0]?.partitions[0]?.partitionIndex ?? -1;
        sent(request);
        return false;
      })
      .drop(always);
    const is = (kind: CommitFault['kind']) => () => this.#fate?.kind === kind;
    cluster.on(OffsetCommit, is('drop')).drop(always);
    cluster.on(OffsetCommit, is('lose the answer')).dropAnswer(always);
    cluster.on(OffsetCommit, is('delay')).delay(3, always);
    const part = () => (this.#fate?.kind === 'refuse a part' ? this.#first : -1);
    const first = {
      get partition() {
        return part();
      },
    };
    cluster.on(OffsetCommit, first).failTimes(always, 'OFFSET_METADATA_TOO_LARGE');
    cluster.on(OffsetCommit).answer(async (request, proceed) => {
      const fate = this.#fate;
      const refuse = (which: (i: number, j: number) => number) => ({
        topics: request.body.topics.map(({ name, topicId, partitions }, i) => ({
          ...{ name, topicId },
          partitions: partitions.map(({ partitionIndex }, j) => ({ partitionIndex, errorCode: which(i, j) })),
        })),
      });
      const error = fate === undefined ? 0 : errorNumbers[fate.error];
      if (fate?.kind === 'refuse') return refuse(() => error);
      const answer = await proceed();
      const said = [...(answer?.topics ?? [])].map(({ partitions }) => [...(partitions ?? [])].map(({ errorCode }) => errorCode ?? 0));
      for (const [i, codes] of said.entries()) for (const [j, code] of codes.entries()) if (code === 0) accepted(request, i, j);
      return fate?.kind === 'refuse after' ? refuse(() => error) : answer;
    }, always);
  }

  /** The next commits are in for this: what is refused for a moment is sent again and again meanwhile. */
  next(fault: CommitFault, times: number): void {
    const isPassing = fault.kind !== 'delay' && passing.includes(fault.error);
    for (let i = 0; i < (isPassing ? times : 1); i++) this.#queue.push(fault);
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.#queue.length = 0;
  }
}

const beside: readonly Api[] = [Fetch, OffsetFetch];
const classic: readonly Api[] = [JoinGroup, SyncGroup, Heartbeat, ...beside];
const ofBrokers: readonly Api[] = [ConsumerGroupHeartbeat, ...beside];
const ofPartitions: readonly BrokerErrorName[] = ['NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR', 'UNKNOWN_TOPIC_OR_PARTITION'];
const ofClassic: ReadonlyMap<Api, readonly BrokerErrorName[]> = new Map<Api, readonly BrokerErrorName[]>([
  [Fetch, ofPartitions],
  [SyncGroup, [...passing, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION']],
  [Heartbeat, [...passing, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION']],
]);

/** One of the next requests by which a group is held together, or read, goes wrong: until `isRaging` says no. */
export function groupFault(
  cluster: EmbeddedCluster,
  isRaging: () => boolean,
  isConsumer: boolean,
  isStatic: boolean,
  a: number,
  b: number,
): void {
  const apis = isConsumer ? ofBrokers : classic;
  const api = apis[a % apis.length] ?? Fetch;
  const on = cluster.on(api, isRaging);
  const errors = ofClassic.get(api) ?? passing;
  if (b % 5 === 0) on.drop();
  // Kafka takes a static member of the new protocol for another one of its name when it repeats its first heartbeat.
  else if (b % 5 === 1 && !(api === ConsumerGroupHeartbeat && isStatic)) on.dropAnswer();
  else if (b % 5 === 2) on.delay(1 + (b % 4), 2);
  else on.failOnce(errors[b % errors.length] ?? 'NOT_COORDINATOR');
}
