import type { Clock, Timer } from '../base/clock.js';
import { type Crew, type Flight, flightsOf, heldTooLong } from './crew.js';

/** How often it is looked at what threads have in hand. */
const lookEveryMs = 20;
/** A share that others wait for comes back after so many ms. */
const turnMs = 100;

export interface LookoutHost {
  readonly clock: Clock;
  crews(): Iterable<Crew>;
  /** Counts what became done meanwhile. */
  progress(crew: Crew, flight: Flight): void;
  /** Whether a partition could be worked on if a thread had room for it. */
  isShortOfRoom(): boolean;
}

/**
 * Looks at threads for as long as they have something: what became done meanwhile counts; a handler that takes too long ends with its thread;
 * a share that others wait for comes back.
 */
export class Lookout {
  readonly #host: LookoutHost;
  readonly #handlerTimeoutMs: number;
  #timer: Timer | undefined;

  constructor(host: LookoutHost, handlerTimeoutMs: number) {
    this.#host = host;
    this.#handlerTimeoutMs = handlerTimeoutMs;
  }

  /** A thread has something. */
  start(): void {
    this.#timer ??= this.#host.clock.after(lookEveryMs, () => {
      this.#timer = undefined;
      for (const crew of this.#host.crews()) this.#lookAt(crew);
      if (flightsOf(this.#host.crews()).length > 0) this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookAt(crew: Crew): void {
    const now = this.#host.clock.now();
    for (const flight of crew.flights.values()) this.#host.progress(crew, flight);
    const limitMs = this.#handlerTimeoutMs;
    const hanging = limitMs === Number.POSITIVE_INFINITY ? undefined : heldTooLong(crew, now, limitMs);
    if (hanging !== undefined) crew.thread.kill(hanging);
    const oldest = [...crew.flights.values()].find(({ begunAt, recalled }) => !recalled && now - begunAt > turnMs);
    if (oldest === undefined || !this.#host.isShortOfRoom()) return;
    oldest.recalled = true;
    crew.thread.inHand.recall(oldest.slot);
  }
}
