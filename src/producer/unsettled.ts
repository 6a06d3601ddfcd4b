import type { Clock } from '../base/clock.js';
import { type KafkaError, TimeoutError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import type { Batch } from './batch.js';
import { Expiries } from './expiries.js';
import type { Identity } from './identity.js';
import type { Lane } from './lane.js';

/** Who is told what becomes of batches. */
export interface UnsettledEvents {
  rejected(batch: Batch, error: KafkaError): void;
  /** Nobody waits for the batch any more. */
  settled(lane: Lane, batch: Batch): void;
  /** Others stand in the place of the batch. */
  divided(lane: Lane, batch: Batch, parts: readonly Batch[]): void;
}

/** The batches that somebody waits for, of which lane each is, and how it ends: stored, rejected, or because its time is over. */
export class Unsettled implements Iterable<Batch> {
  readonly #deliveryTimeoutMs: number;
  readonly #identity: Identity;
  readonly #events: UnsettledEvents;
  readonly #lanes = new Map<Batch, Lane>();
  readonly #expiries: Expiries<Batch>;

  constructor(clock: Clock, deliveryTimeoutMs: number, identity: Identity, events: UnsettledEvents) {
    this.#deliveryTimeoutMs = deliveryTimeoutMs;
    this.#identity = identity;
    this.#events = events;
    this.#expiries = new Expiries(clock, batch => this.#expire(batch));
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  [Symbol.iterator](): Iterator<Batch> {
    return this.#expiries[Symbol.iterator]();
  }

  /** The lanes that these batches are of. */
  lanes(): ReadonlySet<Lane> {
    return new Set(this.#lanes.values());
  }

  laneOf(batch: Batch): Lane | undefined {
    return this.#lanes.get(batch);
  }

  add(lane: Lane, batch: Batch): void {
    this.#lanes.set(batch, lane);
    this.#expiries.add(batch);
  }

  stored(lane: Lane, batch: Batch, baseOffset: number, appendTime: number): void {
    this.#forget(lane, batch);
    batch.acknowledge(baseOffset, appendTime);
  }

  /** @param onItsWay Whether it is with a broker, and may be stored all the same. */
  reject(lane: Lane, batch: Batch, error: KafkaError, onItsWay = false): void {
    this.#forget(lane, batch);
    const unsure = batch.unsure || onItsWay || error.persistence === 'maybe';
    const reason = this.#identity.failed(withPersistence(error, unsure ? 'maybe' : 'no'));
    batch.reject(reason);
    this.#events.rejected(batch, reason);
  }

  /** Others stand in the place of a batch that was on its way. */
  replace(lane: Lane, batch: Batch, parts: readonly Batch[]): void {
    this.#remove(batch);
    for (const part of parts) this.add(lane, part);
    lane.cameBack(batch, ...parts);
    this.#events.divided(lane, batch, parts);
    batch.replace(parts);
  }

  /** Gives up on everything. What is on its way may be stored all the same, and its error says so. */
  close(error: KafkaError): void {
    for (const batch of [...this]) {
      const lane = this.#lanes.get(batch);
      if (lane !== undefined) this.reject(lane, batch, error, lane.isSending(batch));
    }
    this.#expiries.close();
  }

  #expire(batch: Batch): void {
    const { topic, partition, failure } = batch;
    const lane = this.#lanes.get(batch);
    if (lane === undefined) return;
    const why = failure === undefined ? '' : `; the last attempt failed with: ${failure.message}`;
    const deliveryTimeoutMs = this.#deliveryTimeoutMs;
    const error = new TimeoutError(
      `produce ${topic}/${partition}: not acknowledged within ${deliveryTimeoutMs} ms (deliveryTimeoutMs)${why}`,
      {
        cause: failure,
        context: { topic, partition, deliveryTimeoutMs, attempts: batch.attempts },
      },
    );
    lane.drop(batch);
    this.reject(lane, batch, error, lane.isSending(batch));
  }

  #forget(lane: Lane, batch: Batch): void {
    this.#remove(batch);
    this.#events.settled(lane, batch);
  }

  #remove(batch: Batch): void {
    this.#expiries.delete(batch);
    this.#lanes.delete(batch);
  }
}
