import { brokerError } from '../base/broker-errors.js';
import { type Clock, sleep, type Timer } from '../base/clock.js';
import { asError, KafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { Bell } from '../base/wait.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { Isolation } from '../client/list-offsets.js';
import { type Cluster, remedyOf } from '../cluster/cluster.js';
import type { Purpose } from '../cluster/links.js';
import type { PartitionInfo, TopicInfo } from '../cluster/metadata.js';
import { leaderIn } from '../cluster/scatter.js';
import { Fetch, type ResponseOf } from '../protocol/index.js';
import { scanBatches } from '../records/index.js';
import { fetchOutcome } from './fetch-outcome.js';
import type { Partition } from './partition.js';

export interface FetcherSettings {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly prefetchBytes: number;
  readonly isolation: Isolation;
}

export interface FetcherEvents {
  /** The offset asked for is not in the log any more, or not yet. */
  outOfRange(partition: Partition, requestedOffset: number): void;
  /** The set of partitions, or who leads them, may have changed. */
  looked(topics: ReadonlyMap<string, TopicInfo>): void;
}

type Answer = ResponseOf<typeof Fetch>;
type PartitionAnswer = Answer['responses'][number]['partitions'][number];

/** One partition in a request, and what it stood for when it was sent. */
interface Asked {
  readonly partition: Partition;
  readonly topic: TopicInfo;
  readonly info: PartitionInfo;
  readonly epoch: number;
  readonly offset: number;
}

/** How one request is made: how long the broker may wait, how many bytes there is room for, on which connection. */
interface Poll {
  readonly pollMs: number;
  readonly roomBytes: number;
  readonly purpose: Purpose;
}

/** While some partitions of a broker are full, others are polled this short: the full ones may be read empty meanwhile. */
const shortPollMs = 20;

/**
 * Keeps the partitions of one consumer supplied: one long poll at a time for each broker, on a connection of its own, as long as there is
 * room. Failures are retried for ever, each partition for itself; what the reader must know is left at the partition.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #settings: FetcherSettings;
  readonly #partitions: () => readonly Partition[];
  readonly #events: FetcherEvents;
  readonly #purpose: Purpose;
  /** Rung when something arrived or failed: the reader looks again. */
  readonly arrived = new Bell();
  readonly #wake = new Bell();
  readonly #stop = new AbortController();
  readonly #busy = new Map<number, Promise<void>>();
  #running: Promise<void> | undefined;
  #alarm: Timer | undefined;
  #turn = 0;
  #failures = 0;

  constructor(cluster: Cluster, settings: FetcherSettings, partitions: () => readonly Partition[], events: FetcherEvents) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#settings = settings;
    this.#partitions = partitions;
    this.#events = events;
    this.#purpose = cluster.ownPurpose();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something made room, or changed a position: look again. */
  wake(): void {
    this.#wake.ring();
  }

  /** Stops; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#alarm?.cancel();
    this.#wake.ring();
    this.arrived.ring();
    await this.#running;
    await Promise.all(this.#busy.values());
    this.#cluster.release(this.#purpose);
  }

  /** Asks once, without waiting, for what the partitions lack that have nothing ahead. Failures are left at the partitions. */
  async once(): Promise<void> {
    const lacking = this.#partitions().filter(({ prefetched, paused, placed }) => placed && !paused && prefetched.aheadBytes === 0);
    const metadata = await this.#cluster.topics(new Set(lacking.map(({ topic }) => topic)), this.#stop.signal);
    const byLeader = new Map<number, Asked[]>();
    for (const partition of lacking) {
      const topic = metadata.topics.get(partition.topic);
      const info = topic?.partitions.find(found => found.partition === partition.partition);
      if (topic === undefined || info === undefined || info.leader < 0) continue;
      const asked = { partition, topic, info, epoch: partition.epoch, offset: partition.prefetched.nextFetch };
      byLeader.set(info.leader, [...(byLeader.get(info.leader) ?? []), asked]);
    }
    const { maxBytes } = this.#settings;
    const poll = { pollMs: 0, roomBytes: maxBytes, purpose: 'shared' } as const;
    await Promise.all(
      [...byLeader].map(([id, asked]) => this.#fetch(id, asked, poll).catch((error: unknown) => this.#failed(asked, error))),
    );
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const woken = this.#wake.wait();
      try {
        await this.#round();
        this.#failures = 0;
      } catch (error) {
        if (this.#stop.signal.aborted || (error instanceof KafkaError && error.code === 'TIDE_CLOSED')) return;
        this.#failures += 1;
        await this.#pause(error);
        this.#wake.ring();
      }
      await woken;
    }
  }

  /** Metadata could not be had: wait, unless the cluster says that it never will. */
  async #pause(error: unknown): Promise<void> {
    if (!(error instanceof KafkaError && error.retriable)) {
      const failure = error instanceof KafkaError ? error : new KafkaError('TIDE_STATE', asError(error).message, { cause: error });
      for (const partition of this.#partitions()) partition.failure ??= failure;
      this.arrived.ring();
    }
    await sleep(this.#clock, backoffMs(this.#cluster.settings.retry, this.#failures), this.#stop.signal).catch(() => {});
  }

  /** Sends a fetch to every broker that has none under way and leads something with room. */
  async #round(): Promise<void> {
    const partitions = this.#partitions();
    const metadata = await this.#cluster.topics(new Set(partitions.map(({ topic }) => topic)), this.#stop.signal);
    this.#events.looked(metadata.topics);
    const now = this.#clock.now();
    const byLeader = new Map<number, { asked: Asked[]; full: boolean }>();
    const roomBytes = this.#settings.prefetchBytes - partitions.reduce((sum, { prefetched }) => sum + prefetched.heldBytes, 0);
    const shareBytes = Math.max(this.#settings.maxPartitionBytes, this.#settings.prefetchBytes / Math.max(1, partitions.length));
    let alarmAt = Number.POSITIVE_INFINITY;
    // A broker fills its answer in the order asked, so that order has to turn: else a large batch starves those behind it.
    const start = this.#turn++ % Math.max(1, partitions.length);
    for (let i = 0; i < partitions.length; i++) {
      const partition = partitions[(start + i) % partitions.length];
      if (partition === undefined || !partition.placed || partition.paused || partition.failure !== undefined) continue;
      if (partition.quietUntil > now) {
        alarmAt = Math.min(alarmAt, partition.quietUntil);
        continue;
      }
      const topic = metadata.topics.get(partition.topic);
      let info: PartitionInfo;
      try {
        info = leaderIn(topic, partition);
      } catch (error) {
        if (topic !== undefined) this.#cluster.outdated(topic);
        alarmAt = Math.min(alarmAt, this.#quiet(partition, error));
        continue;
      }
      if (topic === undefined || this.#busy.has(info.leader)) continue;
      const group = byLeader.get(info.leader) ?? { asked: [], full: false };
      byLeader.set(info.leader, group);
      if (partition.prefetched.heldBytes >= shareBytes) group.full = true;
      else group.asked.push({ partition, topic, info, epoch: partition.epoch, offset: partition.prefetched.nextFetch });
    }
    this.#setAlarm(alarmAt);
    if (roomBytes <= 0 && partitions.some(({ prefetched }) => prefetched.heldBytes > 0)) return;
    for (const [brokerId, { asked, full }] of byLeader) {
      if (asked.length === 0) continue;
      const { maxWaitMs, maxPartitionBytes } = this.#settings;
      const pollMs = full ? Math.min(shortPollMs, maxWaitMs) : maxWaitMs;
      this.#send(brokerId, asked, { pollMs, roomBytes: Math.max(roomBytes, maxPartitionBytes), purpose: this.#purpose });
    }
  }

  #setAlarm(at: number): void {
    this.#alarm?.cancel();
    this.#alarm = this.#clock.after(at === Number.POSITIVE_INFINITY ? at : Math.max(1, at - this.#clock.now()), () => this.#wake.ring());
  }

  #send(brokerId: number, asked: readonly Asked[], poll: Poll): void {
    const work = this.#fetch(brokerId, asked, poll)
      .catch((error: unknown) => this.#failed(asked, error))
      .finally(() => {
        this.#busy.delete(brokerId);
        this.#wake.ring();
        this.arrived.ring();
      });
    this.#busy.set(brokerId, work);
  }

  async #fetch(brokerId: number, asked: readonly Asked[], { pollMs, roomBytes, purpose }: Poll): Promise<void> {
    const { minBytes, maxBytes, maxPartitionBytes, isolation } = this.#settings;
    const byTopic = new Map<TopicInfo, Asked[]>();
    for (const entry of asked) {
      const list = byTopic.get(entry.topic);
      if (list === undefined) byTopic.set(entry.topic, [entry]);
      else list.push(entry);
    }
    const answer = await this.#cluster.toBroker(
      brokerId,
      Fetch,
      {
        maxWaitMs: Math.round(pollMs),
        minBytes,
        maxBytes: Math.min(maxBytes, roomBytes),
        isolationLevel: isolation === 'read_committed' ? 1 : 0,
        topics: [...byTopic].map(([topic, entries]) => ({
          topic: topic.name,
          topicId: topic.id,
          partitions: entries.map(({ partition, info, offset }) => ({
            partition: partition.partition,
            currentLeaderEpoch: info.leaderEpoch,
            fetchOffset: offset,
            partitionMaxBytes: Math.min(maxBytes, Math.max(maxPartitionBytes, partition.prefetched.wantedBytes)),
          })),
        })),
      },
      {
        purpose,
        signal: this.#stop.signal,
        timeoutMs: pollMs + this.#cluster.settings.requestTimeoutMs,
        // From version 13 on topics go by their ids; every one of them must have one.
        maxVersion: [...byTopic.keys()].every(({ id }) => id !== ZERO_UUID) ? undefined : 12,
      },
    );
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, `fetch from broker ${brokerId}`);
    const found = new Map<string, PartitionAnswer>();
    for (const { topic, topicId, partitions } of answer.responses) {
      for (const entry of partitions) found.set(`${topic || topicId}/${entry.partitionIndex}`, entry);
    }
    for (const entry of asked) {
      const { name, id } = entry.topic;
      const share = found.get(`${name}/${entry.partition.partition}`) ?? found.get(`${id}/${entry.partition.partition}`);
      if (share !== undefined) this.#take(entry, share, brokerId);
    }
  }

  #take(asked: Asked, answer: PartitionAnswer, brokerId: number): void {
    const { partition, topic, offset } = asked;
    // Somebody seeked meanwhile: the answer is to a question nobody asks any more.
    if (partition.epoch !== asked.epoch || partition.prefetched.nextFetch !== offset) return;
    const outcome = fetchOutcome(answer.errorCode);
    switch (outcome) {
      case 'advance':
        return this.#advance(partition, answer);
      case 'reset':
        return this.#events.outOfRange(partition, offset);
      case 'refresh':
        this.#cluster.outdated(topic);
        this.#quiet(partition, undefined);
        return;
      case 'wait':
        this.#quiet(partition, undefined);
        return;
      case 'fail':
        partition.failure = brokerError(answer.errorCode, `fetch ${partition.topic}/${partition.partition} from broker ${brokerId}`, {
          context: { topic: partition.topic, partition: partition.partition, offset, brokerId },
        });
        return;
      default:
        return outcome satisfies never;
    }
  }

  #advance(partition: Partition, answer: PartitionAnswer): void {
    partition.failures = 0;
    partition.highWatermark =
      this.#settings.isolation === 'read_committed' && answer.lastStableOffset >= 0 ? answer.lastStableOffset : answer.highWatermark;
    partition.logStartOffset = answer.logStartOffset;
    const { records } = answer;
    if (records === null || records.length === 0) return;
    const { nextOffset, bytesNeeded } = scanBatches(records);
    if (nextOffset === undefined) {
      // Brokers before 0.10.1 cut even the first batch. What is no batch at all is given to the reader, who says what is wrong with it.
      if (bytesNeeded > 0) return partition.prefetched.want(bytesNeeded);
      partition.prefetched.add({ records, aborted: null }, partition.prefetched.nextFetch);
      return;
    }
    partition.prefetched.want(0);
    const aborted = this.#settings.isolation === 'read_committed' ? (answer.abortedTransactions ?? []) : null;
    partition.prefetched.add({ records, aborted }, Math.max(nextOffset, partition.prefetched.nextFetch));
  }

  /** The whole request failed: each of its partitions waits, and is looked for elsewhere. */
  #failed(asked: readonly Asked[], error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const passing = error instanceof KafkaError && (error.retriable || remedyOf(error) !== 'none');
    for (const { partition, topic } of asked) {
      if (passing) {
        this.#cluster.outdated(topic);
        this.#quiet(partition, undefined);
      } else {
        partition.failure = error instanceof KafkaError ? error : new KafkaError('TIDE_PROTOCOL', asError(error).message, { cause: error });
      }
    }
  }

  /** No fetch of this partition for a while; gives until when. An error that will not pass is left for the reader. */
  #quiet(partition: Partition, error: unknown): number {
    partition.failures += 1;
    if (error instanceof KafkaError && !error.retriable) partition.failure = error;
    partition.quietUntil = this.#clock.now() + backoffMs(this.#cluster.settings.retry, partition.failures);
    return partition.quietUntil;
  }
}
