import { errorNumbers } from '../base/broker-errors.js';
import type { Timer } from '../base/clock.js';
import type { KafkaError } from '../base/errors.js';
import { backoffMs, type RetryPolicy } from '../base/retry.js';
import type { Cluster } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { leaderIn } from '../cluster/scatter.js';
import type { Lane } from './lane.js';

/** What went wrong in a lane, until all that was on its way has come back. */
export interface Trouble {
  /** What is done then: wait, or ask who leads the partition now; undefined: go on at once. */
  readonly remedy: 'retry' | 'refresh' | undefined;
  /** The broker that failed. */
  readonly leader: number;
  /** How often the batch was sent that failed first. */
  readonly attempts: number;
  /** A broker has said that it misses batches before the first one. */
  readonly restart: boolean;
}

/** Lanes that cannot send for a while, each by itself: how long, and who leads the partition afterwards. */
export class Troubles {
  readonly #cluster: Cluster;
  readonly #retry: RetryPolicy;
  readonly #proceed: (lane: Lane) => void;
  readonly #pauses = new Map<Lane, Timer>();
  #closed = false;

  /** @param proceed Told of each lane that may send again. */
  constructor(cluster: Cluster, retry: RetryPolicy, proceed: (lane: Lane) => void) {
    this.#cluster = cluster;
    this.#retry = retry;
    this.#proceed = proceed;
  }

  /** Lets the lane go on when its trouble is over. Nothing of it may be on its way. */
  mend(lane: Lane, { remedy, leader, attempts }: Omit<Trouble, 'restart'>): void {
    lane.state = 'paused';
    if (remedy === 'refresh') void this.#reroute(lane, leader, attempts);
    else if (remedy === 'retry') this.#pause(lane, attempts, () => this.#proceed(lane));
    else this.#proceed(lane);
  }

  /** Nobody leads the partition, or it does not exist: waits, and looks again. False when that has gone on for too long. */
  awaitLeader(lane: Lane, topic: TopicInfo | undefined, error: KafkaError): boolean {
    if (topic !== undefined) this.#cluster.outdated(topic);
    const denied = error.errno === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
    lane.deniedCount = denied ? lane.deniedCount + 1 : 0;
    if (!error.retriable || lane.deniedCount >= this.#retry.attempts) {
      lane.deniedCount = 0;
      return false;
    }
    lane.state = 'paused';
    this.#pause(lane, Math.max(1, lane.deniedCount), () => void this.#leaderNow(lane).then(() => this.#proceed(lane)));
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#pauses.values()) timer.cancel();
    this.#pauses.clear();
  }

  /** Asks who leads the partition now. A new leader is sent to at once, but once: else two brokers that disagree would keep us busy. */
  async #reroute(lane: Lane, failedLeader: number, attempts: number): Promise<void> {
    const leader = await this.#leaderNow(lane);
    if (this.#closed) return;
    if (attempts === 1 && leader !== undefined && leader !== failedLeader) this.#proceed(lane);
    else this.#pause(lane, attempts, () => void this.#leaderNow(lane).then(() => this.#proceed(lane)));
  }

  async #leaderNow(lane: Lane): Promise<number | undefined> {
    try {
      return leaderOf((await this.#cluster.topics([lane.topic])).topics.get(lane.topic), lane);
    } catch {
      return undefined; // looked at again, and judged, when it is sent
    }
  }

  #pause(lane: Lane, failed: number, after: () => void): void {
    const timer = this.#cluster.clock.after(backoffMs(this.#retry, failed), () => {
      this.#pauses.delete(lane);
      after();
    });
    this.#pauses.set(lane, timer);
  }
}

/** @throws KafkaError as {@link leaderIn}, which looks through all partitions where this one is not in its place. */
export function leaderOf(topic: TopicInfo | undefined, lane: Lane): number {
  const found = topic?.partitions[lane.partition];
  return topic?.errorCode === 0 && found?.partition === lane.partition && found.leader >= 0 ? found.leader : leaderIn(topic, lane).leader;
}
