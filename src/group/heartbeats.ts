import type { Timer } from '../base/clock.js';
import { asKafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import type { Cluster } from '../cluster/cluster.js';
import { reactionTo } from './group-errors.js';

export interface HeartbeatSettings {
  readonly heartbeatMs: number;
  /** One heartbeat, which takes at most so long. */
  readonly beat: (signal: AbortSignal, timeoutMs: number) => Promise<void>;
  /** The group has something to say; heartbeats go on. */
  readonly told: (error: unknown) => void;
}

/** Says again and again that a member is there, whatever its consumer is busy with. One at a time; a failure that passes is repeated soon. */
export class Heartbeats {
  readonly #cluster: Cluster;
  readonly #settings: HeartbeatSettings;
  #timer: Timer | undefined;
  #stop = new AbortController();

  constructor(cluster: Cluster, settings: HeartbeatSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  start(): void {
    this.stop();
    this.#stop = new AbortController();
    this.#after(this.#settings.heartbeatMs, this.#stop.signal, 0);
  }

  /** None is under way, or will be begun, from now on. */
  stop(): void {
    this.#timer?.cancel();
    this.#stop.abort();
  }

  #after(ms: number, signal: AbortSignal, failures: number): void {
    this.#timer = this.#cluster.clock.after(ms, () => void this.#beat(signal, failures));
  }

  async #beat(signal: AbortSignal, failures: number): Promise<void> {
    const { heartbeatMs, beat, told } = this.#settings;
    let waitMs = heartbeatMs;
    let failed = 0;
    try {
      await beat(signal, Math.max(heartbeatMs, 1000));
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asKafkaError(thrown);
      if (reactionTo(error) === 'retry') {
        failed = failures + 1;
        waitMs = Math.min(heartbeatMs, backoffMs(this.#cluster.settings.retry, failed));
        this.#cluster.passing(error, waitMs);
      } else told(error);
    }
    if (!signal.aborted) this.#after(waitMs, signal, failed);
  }
}
