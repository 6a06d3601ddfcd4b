import type { Clock, Timer } from '../base/clock.js';
import { asError } from '../base/errors.js';
import type { CommitTarget } from './committer.js';
import type { Partition } from './partition.js';

/** Brokers forget the offsets of a group without members after a day at least (Kafka: offsets.retention.minutes). */
export const refreshEveryMs = 6 * 60 * 60 * 1000;

export interface OffsetRefreshSettings {
  readonly clock: Clock;
  readonly target: CommitTarget;
  readonly everyMs: number;
  readonly partitions: () => readonly Partition[];
  /** Runs what commits when no other commit is under way: one that is overtaken would state an older offset. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  readonly failed: (error: Error) => void;
  readonly signal: AbortSignal;
}

/**
 * States again what is committed, now and then, where brokers forget it by time while nothing new is done. Nothing new is stated: where the group
 * holds another offset by then, that stays.
 */
export class OffsetRefresh {
  readonly #settings: OffsetRefreshSettings;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(settings: OffsetRefreshSettings) {
    this.#settings = settings;
  }

  start(): void {
    const { clock, everyMs, failed, inTurn } = this.#settings;
    this.#timer = clock.after(
      everyMs,
      () => {
        this.#running = inTurn(() => this.#refresh()).catch((error: unknown) => failed(asError(error)));
        this.start();
      },
      true,
    );
  }

  /** Nothing of it begins any more; resolves when nothing of it runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #refresh(): Promise<void> {
    const { target, partitions, signal } = this.#settings;
    const ended = () => this.#stopped || signal.aborted;
    const isKnown = ({ committed, unsure }: Partition) => committed !== undefined && !unsure;
    const ours = partitions().filter(isKnown);
    if (ours.length === 0 || ended() || !(await target.forgets({ signal }))) return;
    const held = await target.fetch(ours, { signal });
    const same = ours.flatMap((partition, i) => {
      const offset = held[i];
      return offset !== undefined && isKnown(partition) && offset.offset === partition.committed ? [offset] : [];
    });
    if (same.length > 0 && !ended()) await target.commit(same, { signal });
  }
}
