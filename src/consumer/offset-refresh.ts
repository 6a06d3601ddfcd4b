import type { Clock, Timer } from '../base/clock.js';
import { asError } from '../base/errors.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { CommitTarget } from './committer.js';
import type { Partition } from './partition.js';

/** Brokers forget the offsets of a group without members after a day at least (Kafka: offsets.retention.minutes). */
export const refreshEveryMs = 6 * 60 * 60 * 1000;

export interface OffsetRefreshSettings {
  readonly clock: Clock;
  readonly target: CommitTarget;
  readonly everyMs: number;
  readonly partitions: () => readonly Partition[];
  readonly failed: (error: Error) => void;
  readonly signal: AbortSignal;
}

/**
 * States again what is committed, now and then, so that the broker does not forget it while nothing new is done. Nothing new is stated: where
 * the group holds another offset by then, that stays.
 */
export class OffsetRefresh {
  readonly #settings: OffsetRefreshSettings;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(settings: OffsetRefreshSettings) {
    this.#settings = settings;
  }

  start(): void {
    const { clock, everyMs, failed } = this.#settings;
    this.#timer = clock.after(
      everyMs,
      () => {
        this.#running = this.#refresh().catch((error: unknown) => failed(asError(error)));
        this.start();
      },
      true,
    );
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#running;
  }

  async #refresh(): Promise<void> {
    const { target, partitions, signal } = this.#settings;
    const ours = partitions().filter(({ committed, unsure }) => committed !== undefined && !unsure);
    if (ours.length === 0 || signal.aborted) return;
    const held = await target.fetch(ours, { signal });
    const same = held.filter((offset, i): offset is GroupOffset => offset !== undefined && offset.offset === ours[i]?.committed);
    if (same.length > 0 && !signal.aborted) await target.commit(same, { signal });
  }
}
