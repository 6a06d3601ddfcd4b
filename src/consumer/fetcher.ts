import type { Clock, Timer } from '../base/clock.js';
import type { KafkaError } from '../base/errors.js';
import { Bell } from '../base/wait.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Purpose } from '../cluster/links.js';
import type { PartitionInfo, TopicInfo } from '../cluster/metadata.js';
import { leaderIn } from '../cluster/scatter.js';
import { Fetch } from '../protocol/index.js';
import { BrokerFetch, type Fetched, type Poll } from './broker-fetch.js';
import { type Asked, ask, type FetchLimits } from './fetch-request.js';
import { FetchSession } from './fetch-session.js';
import { Intake } from './intake.js';
import type { Misplacement } from './misplacement.js';
import type { Partition } from './partition.js';
import { readFrom } from './read-replica.js';
import { closedError } from './seat.js';
import { TopicWatch } from './topic-watch.js';

export interface FetcherSettings extends FetchLimits {
  readonly prefetchBytes: number;
}

/** What the fetcher cannot decide. What is begun here ends with `signal`; {@link Fetcher.stop} waits for it. */
export interface FetcherEvents {
  /** There is nothing to fetch at the offset that is due. */
  outOfRange(partition: Partition, what: Misplacement, signal: AbortSignal): Promise<void>;
  /** The set of partitions, or who leads them, may have changed. */
  looked(topics: ReadonlyMap<string, TopicInfo>, signal: AbortSignal): Promise<void> | undefined;
  /** A broker has answered, after so long. */
  fetched(brokerId: number, durationMs: number, asked: readonly Asked[]): void;
}

/** A fetch under way. */
interface Flight {
  readonly asked: ReadonlyMap<Partition, Asked>;
  /** What it may bring. */
  readonly bytes: number;
  readonly work: Promise<void>;
}

/** How long the broker may wait in a fetch beside the long poll. */
const sidePollMs = 50;
/** How long a broker has to hear that a session is over. */
const endMs = 100;

/**
 * Keeps the partitions of one consumer supplied: one long poll at a time for each broker, on a connection of its own, as long as there is
 * room. What a long poll does not ask for, because it was sent before a seek or while there was no room, is asked for beside it.
 * Failures are retried for ever, each partition for itself; what the reader must know is left at the partition.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #settings: FetcherSettings;
  readonly #partitions: () => readonly Partition[];
  readonly #events: FetcherEvents;
  readonly #purpose: Purpose;
  readonly #sidePurpose: Purpose;
  /** Rung when something arrived or failed: the reader looks again. */
  readonly arrived = new Bell();
  readonly #wake = new Bell();
  readonly #stop = new AbortController();
  /** By broker. */
  readonly #polls = new Map<number, Flight>();
  readonly #sidePolls = new Map<number, Flight>();
  /** By broker: of the long polls. */
  readonly #sessions = new Map<number, FetchSession>();
  readonly #background = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  readonly #watch: TopicWatch;
  readonly #intake: Intake;
  readonly #fetches: BrokerFetch;
  #alarm: Timer | undefined;

  constructor(cluster: Cluster, settings: FetcherSettings, partitions: () => readonly Partition[], events: FetcherEvents) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#settings = settings;
    this.#partitions = partitions;
    this.#events = events;
    this.#purpose = cluster.ownPurpose();
    this.#sidePurpose = cluster.ownPurpose();
    const failed = (error: KafkaError) => {
      for (const partition of partitions()) partition.failure ??= error;
      this.arrived.ring();
    };
    this.#intake = new Intake({
      cluster,
      limits: settings,
      misplaced: (partition, what) => this.#misplaced(partition, what),
      failed: () => this.arrived.ring(),
    });
    const fetched: Fetched = (brokerId, durationMs, asked) => events.fetched(brokerId, durationMs, asked);
    this.#fetches = new BrokerFetch(cluster, settings, this.#intake, fetched, this.#stop.signal);
    this.#watch = new TopicWatch(cluster, { changed: () => this.#wake.ring(), failed }, this.#stop.signal);
  }

  /** Aborted by {@link stop}, for whatever belongs to this consumer. */
  get signal(): AbortSignal {
    return this.#stop.signal;
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
    this.#stop.abort(closedError('fetch'));
    this.#alarm?.cancel();
    this.#wake.ring();
    this.arrived.ring();
    await this.#running;
    await this.#watch.settled();
    await Promise.all([...this.#polls.values(), ...this.#sidePolls.values()].map(({ work }) => work));
    await Promise.all(this.#background);
    await this.#endSessions();
    this.#cluster.release(this.#purpose);
    this.#cluster.release(this.#sidePurpose);
  }

  /** Asks once, without waiting, for what the partitions lack that have nothing ahead. Failures are left at the partitions. */
  once(): Promise<void> {
    return this.#track(async () => {
      const { topics } = this.#cluster.metadata;
      const byBroker = new Map<number, Asked[]>();
      for (const partition of this.#partitions()) {
        const { prefetched, paused, placed, failure } = partition;
        if (!placed || paused || failure !== undefined || prefetched.aheadBytes > 0) continue;
        const topic = topics.get(partition.topic);
        const info = topic?.partitions.find(found => found.partition === partition.partition);
        if (topic === undefined || info === undefined || info.leader < 0) continue;
        const brokerId = readFrom(partition, info, this.#cluster);
        byBroker.set(brokerId, [...(byBroker.get(brokerId) ?? []), ask(partition, topic, info, brokerId)]);
      }
      const { maxBytes, prefetchBytes } = this.#settings;
      const bytes = Math.min(maxBytes, Math.ceil(prefetchBytes / byBroker.size));
      await Promise.all([...byBroker].map(([id, asked]) => this.#fetches.fetch(id, asked, { pollMs: 0, bytes, purpose: 'shared' })));
    });
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const woken = this.#wake.wait();
      this.#round();
      await woken;
    }
  }

  /** Sends a fetch to every broker that has something with room, and has none under way that asks for it. */
  #round(): void {
    const partitions = this.#partitions();
    const { topics } = this.#watch.look(new Set(partitions.map(({ topic }) => topic)));
    const looked = this.#events.looked(topics, this.#stop.signal);
    if (looked !== undefined) this.#track(() => looked);
    const now = this.#clock.now();
    let alarmAt = this.#watch.nextAt > now ? this.#watch.nextAt : Number.POSITIVE_INFINITY;
    const shareBytes = Math.max(this.#settings.maxPartitionBytes, this.#settings.prefetchBytes / Math.max(1, partitions.length));
    const byBroker = new Map<number, Asked[]>();
    for (const partition of partitions) {
      if (!partition.placed || partition.paused || partition.failure !== undefined) continue;
      if (partition.quietUntil > now) {
        alarmAt = Math.min(alarmAt, partition.quietUntil);
        continue;
      }
      const topic = topics.get(partition.topic);
      let info: PartitionInfo;
      try {
        info = ledIn(topic, partition);
      } catch (error) {
        if (topic !== undefined) this.#cluster.outdated(topic);
        alarmAt = Math.min(alarmAt, this.#intake.quiet(partition, error));
        continue;
      }
      if (topic === undefined || this.#recreated(partition, topic)) continue;
      if (this.#isBehind(partition, info)) {
        this.#cluster.outdated(topic);
        alarmAt = Math.min(alarmAt, this.#intake.quiet(partition, undefined));
        continue;
      }
      const brokerId = readFrom(partition, info, this.#cluster);
      let group = byBroker.get(brokerId);
      if (group === undefined) byBroker.set(brokerId, (group = []));
      if (partition.prefetched.aheadBytes < shareBytes) group.push(ask(partition, topic, info, brokerId));
    }
    this.#setAlarm(alarmAt);
    for (const [brokerId, asked] of byBroker) this.#supply(brokerId, asked, partitions, byBroker.size);
  }

  /** Whether the topic is not the one that was read so far: it was deleted, and created again. */
  #recreated(partition: Partition, topic: TopicInfo): boolean {
    if (topic.id === ZERO_UUID) return false;
    partition.topicId ??= topic.id;
    if (partition.topicId === topic.id) return false;
    this.#misplaced(partition, { why: 'recreated', requestedOffset: partition.prefetched.nextFetch });
    return true;
  }

  /** Whether a newer leader is known to have been there than the one that metadata names. After all attempts that counts as a mistake. */
  #isBehind({ epochs, prefetched, failures }: Partition, { leaderEpoch }: PartitionInfo): boolean {
    if (leaderEpoch < 0 || epochs.before(prefetched.nextFetch) <= leaderEpoch) return false;
    if (failures < this.#cluster.settings.retry.attempts) return true;
    epochs.restart(prefetched.nextFetch);
    return false;
  }

  #misplaced(partition: Partition, what: Misplacement): void {
    partition.quietUntil = Number.POSITIVE_INFINITY; // no fetch meanwhile
    this.#track(() => this.#events.outOfRange(partition, what, this.#stop.signal));
  }

  /** Asks a broker, which has some of `partitions`, for what it can give; `brokers` share the room. */
  #supply(brokerId: number, asked: readonly Asked[], partitions: readonly Partition[], brokers: number): void {
    const poll = this.#polls.get(brokerId);
    const sidePoll = this.#sidePolls.get(brokerId);
    if (poll !== undefined && sidePoll !== undefined) return;
    const lacking = asked.filter(entry => !isAskedIn(poll, entry) && !isAskedIn(sidePoll, entry));
    if (lacking.length === 0) return;
    const bytes = Math.min(this.#settings.maxBytes, this.#room(partitions, brokers));
    if (bytes < 1) return;
    // A broker fills its answer in the order asked: whoever was served last goes to the end, else a large batch starves those behind it.
    lacking.sort((a, b) => a.partition.servedAt - b.partition.servedAt);
    const { maxWaitMs } = this.#settings;
    if (poll === undefined) {
      const session = this.#sessions.get(brokerId) ?? new FetchSession(true);
      this.#sessions.set(brokerId, session);
      this.#send(this.#polls, brokerId, lacking, { pollMs: maxWaitMs, bytes, purpose: this.#purpose }, session);
    } else this.#send(this.#sidePolls, brokerId, lacking, { pollMs: Math.min(sidePollMs, maxWaitMs), bytes, purpose: this.#sidePurpose });
  }

  /** How many bytes the next fetch may bring. Each broker has a part of the room, so that one with nothing to give does not reserve it all. */
  #room(partitions: readonly Partition[], brokers: number): number {
    const { prefetchBytes } = this.#settings;
    let underWay = 0;
    for (const { bytes } of this.#polls.values()) underWay += bytes;
    for (const { bytes } of this.#sidePolls.values()) underWay += bytes;
    const left = () => prefetchBytes - underWay - partitions.reduce((sum, { prefetched }) => sum + prefetched.heldBytes, 0);
    if (left() < prefetchBytes / 2) for (const partition of partitions) partition.shed();
    const room = Math.min(left(), Math.floor(prefetchBytes / brokers));
    if (room > 0) return room;
    // All of it is in the reader's hands: what it waits for must come all the same, batch by batch.
    return partitions.some(({ paused, prefetched }) => !paused && prefetched.aheadBytes > 0) ? 0 : 1;
  }

  #setAlarm(at: number): void {
    this.#alarm?.cancel();
    this.#alarm = this.#clock.after(at === Number.POSITIVE_INFINITY ? at : Math.max(1, at - this.#clock.now()), () => this.#wake.ring());
  }

  #send(flights: Map<number, Flight>, brokerId: number, asked: readonly Asked[], poll: Poll, session?: FetchSession): void {
    const work = this.#fetches.fetch(brokerId, asked, poll, session).finally(() => {
      flights.delete(brokerId);
      this.#wake.ring();
      this.arrived.ring();
    });
    flights.set(brokerId, { asked: new Map(asked.map(entry => [entry.partition, entry])), bytes: poll.bytes, work });
  }

  /** Brokers keep a limited number of sessions, so they are told which are over. Nobody waits long for that. */
  async #endSessions(): Promise<void> {
    const ended = [...this.#sessions].filter(([, { id }]) => id !== 0);
    const end = ([brokerId, session]: [number, FetchSession]) =>
      this.#cluster.toBroker(brokerId, Fetch, session.end(), { timeoutMs: endMs });
    await Promise.allSettled(ended.map(end));
  }

  /** Runs `work`, which {@link stop} will wait for. */
  #track(work: () => Promise<void>): Promise<void> {
    const tracked = work().finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
    return tracked;
  }
}

/** As {@link leaderIn}, which looks through all partitions where this one is not in its place: with thousands of them that is felt. */
function ledIn(topic: TopicInfo | undefined, partition: Partition): PartitionInfo {
  const found = topic?.partitions[partition.partition];
  return topic?.errorCode === 0 && found?.partition === partition.partition && found.leader >= 0 ? found : leaderIn(topic, partition);
}

function isAskedIn(flight: Flight | undefined, { partition, epoch, offset }: Asked): boolean {
  const same = flight?.asked.get(partition);
  return same !== undefined && same.epoch === epoch && same.offset === offset;
}
