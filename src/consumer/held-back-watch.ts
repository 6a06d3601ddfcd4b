import type { Clock, Timer } from '../base/clock.js';
import type { Lease, Partition } from './partition.js';

/** A message that was handed out and is not marked, while what comes behind it cannot be committed. */
export interface HeldBack {
  readonly topic: string;
  readonly partition: number;
  /** The message that is not marked: `done` stands here. */
  readonly offset: number;
  /** How many messages of the partition are not marked, this one included. */
  readonly count: number;
  /** For so long `done` has stood here, in ms. */
  readonly heldMs: number;
}

/** How often it is looked within the longest time. */
const looks = 8;

/** Where `done` of a partition has stood since when. */
interface Standing {
  readonly lease: Lease;
  readonly offset: number;
  readonly since: number;
  told: boolean;
}

/** With marks by hand only: notices a message that nobody marks, and that so holds back what is done behind it. Each is told once. */
export class HeldBackWatch {
  readonly #clock: Clock;
  readonly #longestMs: number;
  readonly #partitions: () => readonly Partition[];
  readonly #tell: (held: HeldBack) => void;
  #standings = new Map<Partition, Standing>();
  #timer: Timer | undefined;

  constructor(clock: Clock, longestMs: number, partitions: () => readonly Partition[], tell: (held: HeldBack) => void) {
    this.#clock = clock;
    this.#longestMs = longestMs;
    this.#partitions = partitions;
    this.#tell = tell;
  }

  /** Watches from now on; nothing while it does. */
  start(): void {
    if (this.#timer === undefined) this.#again();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #again(): void {
    this.#timer = this.#clock.after(this.#longestMs / looks, () => this.#look(), true);
  }

  #look(): void {
    const now = this.#clock.now();
    const standings = new Map<Partition, Standing>();
    for (const partition of this.#partitions()) {
      const { lease, outstanding } = partition;
      const offset = outstanding.first;
      if (offset === undefined) continue;
      const before = this.#standings.get(partition);
      const isSame = before?.lease === lease && before.offset === offset;
      const standing = isSame ? before : { lease, offset, since: now, told: false };
      standings.set(partition, standing);
      const heldMs = now - standing.since;
      if (standing.told || heldMs < this.#longestMs) continue;
      standing.told = true;
      this.#tell({ topic: partition.topic, partition: partition.partition, offset, count: outstanding.count, heldMs });
    }
    this.#standings = standings;
    this.#again();
  }
}
