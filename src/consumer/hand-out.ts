import { type Clock, turn } from '../base/clock.js';
import type { Fetcher } from './fetcher.js';
import type { Partition } from './partition.js';

/** Work goes on for so many ms before timers and sockets get a turn. */
const sliceMs = 4;
/** How many messages are handed out between two looks at the clock. */
const clockEvery = 128;

/** Takes what was fetched from the partitions in turns, so that none starves the others, and waits when there is nothing. */
export class HandOut {
  readonly #clock: Clock;
  readonly #fetcher: Fetcher;
  readonly #partitions: () => readonly Partition[];
  /** The partition that gave the last message; it goes on until its batch ends. */
  #source: Partition | undefined;
  #turn = 0;
  #budget = 0;
  #sliceEnd = 0;
  /** Something that the next reader has to know; handed to it once. */
  failure: Error | undefined;

  constructor(clock: Clock, fetcher: Fetcher, partitions: () => readonly Partition[]) {
    this.#clock = clock;
    this.#fetcher = fetcher;
    this.#partitions = partitions;
  }

  /** The partition to take the next message from without another look; undefined when {@link wait} has to. */
  get ready(): Partition | undefined {
    return this.#budget-- > 0 ? this.#source : undefined;
  }

  /** Positions were changed: what was read from last is nothing special any more. */
  reset(): void {
    this.#source = undefined;
    this.#fetcher.wake();
  }

  /** @throws Error what the next reader has to know. */
  tell(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /**
   * What `from` gives for the first partition, in turns, that has something, as soon as there is something; undefined when `timeoutMs` or
   * `signal` ended the wait, or `stopped` says so; `hurried` says that nothing is waited for. Nothing is awaited between the last look at those and `from`.
   * @throws KafkaError why a partition could not be fetched or read. It is thrown once; the next read tries again.
   */
  async wait<T>(
    from: (partition: Partition) => T | undefined,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    stopped: () => boolean,
    hurried: () => boolean = () => false,
  ): Promise<T | undefined> {
    const until = this.#clock.now() + timeoutMs;
    for (;;) {
      await this.#breathe();
      if (signal?.aborted || stopped()) return undefined;
      const taken = this.look(from);
      if (taken !== undefined || stopped()) return taken;
      const leftMs = until - this.#clock.now();
      if (leftMs <= 0 || hurried()) return undefined;
      const arrived = this.#fetcher.arrived.waitFor(this.#clock, leftMs, signal);
      this.#fetcher.wake(); // the look may have dropped what was damaged, and that has to be fetched again
      if ((await arrived) === 'late') return undefined;
    }
  }

  /**
   * What `from` gives for the first partition, in turns, that has something and may be handed out; undefined when none has.
   * @throws KafkaError as {@link wait}.
   */
  look<T>(from: (partition: Partition) => T | undefined): T | undefined {
    this.tell();
    const partitions = this.#partitions();
    if (this.#source?.midBatch === false) this.#turn += 1; // its batch is at its end: now the others
    for (let i = 0; i < partitions.length; i++) {
      const index = (this.#turn + i) % partitions.length;
      const partition = partitions[index];
      if (partition === undefined || partition.paused || partition.held || partition.leaving) continue;
      const { placed, placedLater } = partition;
      if (!placed && !placedLater) continue;
      const taken = placed ? from(partition) : undefined;
      if (taken !== undefined) {
        this.#source = partition;
        this.#turn = index;
        return taken;
      }
      const { failure } = partition;
      if (failure !== undefined) {
        for (const each of partitions) if (each.failure === failure && (each.placed || each.placedLater)) each.failure = undefined; // once for all
        this.#turn = index + 1;
        this.#fetcher.wake();
        throw failure;
      }
    }
    this.#source = undefined;
    return undefined;
  }

  /** Room was made: asks for more, and gives timers and sockets their turn when work has gone on for a while. */
  async #breathe(): Promise<void> {
    if (!this.#source?.midBatch) this.#fetcher.wake();
    this.#budget = clockEvery;
    if (this.#clock.now() < this.#sliceEnd) return;
    await turn(this.#clock);
    this.#sliceEnd = this.#clock.now() + sliceMs;
  }
}
