import type { Clock } from '../base/clock.js';
import { type KafkaError, TimeoutError } from '../base/errors.js';
import type { Bytes, CheckedHeaders } from '../records/index.js';
import type { Delivery } from './delivery.js';
import { Expiries } from './expiries.js';
import type { Lane } from './lane.js';

/** Values of one call, with one key, that are to be one batch: they wait, and are let in, together. */
export interface Together {
  readonly key: Bytes;
  readonly values: readonly Bytes[];
}

/** A record that waits for room in its lane. */
export interface Parked {
  readonly lane: Lane;
  readonly delivery: Delivery;
  /** Its place in its call. */
  readonly index: number;
  readonly key: Bytes;
  readonly value: Bytes;
  readonly timestamp: number;
  readonly headers: CheckedHeaders | undefined;
  /** What it belongs to, if anything: the same for all that do, which were parked one after the other. */
  readonly together: Together | undefined;
  readonly calledAt: number;
  readonly expiresAt: number;
  /** How long it waits for room at most. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Records for which a producer has no room just now, by lane, in the order they were given. They are let in as room is made. */
export class Overflow {
  readonly #lanes = new Map<Lane, Set<Parked>>();
  readonly #all: Expiries<Parked>;

  /** @param expired Told of each record for which there was no room in all its time. */
  constructor(clock: Clock, expired: (parked: Parked) => void) {
    this.#all = new Expiries(clock, parked => {
      this.#leave(parked);
      expired(parked);
    });
  }

  /** Whether none waits. */
  get empty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Whether a record of this lane waits: others must line up behind it. */
  holds(lane: Lane): boolean {
    return this.#lanes.has(lane);
  }

  park(parked: Parked): void {
    const waiting = this.#lanes.get(parked.lane);
    if (waiting === undefined) this.#lanes.set(parked.lane, new Set([parked]));
    else waiting.add(parked);
    this.#all.add(parked);
  }

  /**
   * Takes out what `admits` has room for, one lane after the other, and hands it to `enter`: what goes together with it too. A record whose
   * call was aborted is dropped.
   * @param begin Told before the first of those that go together.
   */
  release(admits: (lane: Lane) => boolean, begin: (lane: Lane, together: Together) => void, enter: (parked: Parked) => void): void {
    for (const [lane, waiting] of this.#lanes) {
      let last: Together | undefined;
      for (const parked of waiting) {
        const { together } = parked;
        const follows = together !== undefined && together === last;
        const gone = parked.signal?.aborted === true;
        if (!gone && !follows && !admits(lane)) break;
        this.#all.delete(parked);
        waiting.delete(parked);
        if (together !== undefined && !follows) begin(lane, together);
        last = together;
        if (gone) parked.delivery.cancel(parked.signal?.reason);
        else enter(parked);
      }
      if (waiting.size === 0) this.#lanes.delete(lane);
    }
  }

  /** All that wait. */
  waiting(): Iterable<Parked> {
    return this.#all;
  }

  /** Takes out all that wait. */
  takeAll(): readonly Parked[] {
    const all = [...this.#all];
    this.#lanes.clear();
    this.#all.close();
    return all;
  }

  #leave(parked: Parked): void {
    const waiting = this.#lanes.get(parked.lane);
    waiting?.delete(parked);
    if (waiting?.size === 0) this.#lanes.delete(parked.lane);
  }
}

/** A record found no room in all its time. */
export function bufferFull({ lane: { topic, partition, heldBytes }, timeoutMs }: Parked, bufferBytes: number): KafkaError {
  return new TimeoutError(
    `produce ${topic}/${partition}: no room for the record within ${timeoutMs} ms (timeoutMs): the producer holds as much as it may ` +
      `(bufferBytes ${bufferBytes}), ${heldBytes} bytes of it for this partition; nothing of the record was sent`,
    { code: 'TIDE_BUFFER_FULL', persistence: 'no', context: { topic, partition, bufferBytes, heldBytes, timeoutMs } },
  );
}
