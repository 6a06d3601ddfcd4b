import { type KafkaError, StateError } from '../base/errors.js';
import type { Partition } from './partition.js';

/** What the reader had in hand of a partition when that went away, and said nothing of. */
export interface DroppedMarks {
  readonly topic: string;
  readonly partition: number;
  /** The first offset that was not done. */
  readonly offset: number;
  /** How many messages were not done. */
  readonly count: number;
  /** `TIDE_PARTITION_LOST`, with the reason: what a mark for them would have been refused with. */
  readonly error: KafkaError;
}

/** Who wants to know. */
export interface ImpliedMarksEvents {
  /** So many more messages are done. */
  counted(messages: number): void;
  dropped(marks: DroppedMarks): void;
}

/**
 * The marks that nobody writes: who asks for more is done with what came before. Where a partition went away meanwhile there is nothing to
 * be marked any more; that is told as soon as the reader asks, and not when it leaves, since then it says nothing.
 */
export class ImpliedMarks {
  readonly #partitions: () => readonly Partition[];
  readonly #events: ImpliedMarksEvents;
  #dropped: DroppedMarks[] = [];

  constructor(partitions: () => readonly Partition[], events: ImpliedMarksEvents) {
    this.#partitions = partitions;
    this.#events = events;
  }

  /** The reader asks for more. `only`: everything it was given is of this partition, which is still read. */
  asked(only?: Partition): void {
    let count = 0;
    if (only !== undefined) count = only.outstanding.markAll();
    else for (const partition of this.#partitions()) count += partition.outstanding.markAll();
    this.#events.counted(count);
    if (this.#dropped.length === 0) return;
    const dropped = this.#dropped;
    this.#dropped = [];
    for (const marks of dropped) this.#events.dropped(marks);
  }

  /** These go away, because of `why`, with what of them is in the reader's hands. */
  gone(partitions: readonly Partition[], why: string): void {
    for (const { topic, partition, outstanding } of partitions) {
      const { first: offset, count } = outstanding;
      if (offset === undefined) continue;
      const text = `${topic}/${partition}: ${count} messages from offset ${offset} on were in hand, and do not count as done: ${why}`;
      const error = new StateError('TIDE_PARTITION_LOST', text, { context: { topic, partition, offset } });
      this.#dropped.push({ topic, partition, offset, count, error });
    }
  }

  /** What was in hand is taken back: the reader does not say that it is done. */
  takenBack(): void {
    this.#dropped = [];
  }
}
