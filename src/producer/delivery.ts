import { type KafkaError, PartialError } from '../base/errors.js';
import { type Deferred, deferred } from '../base/wait.js';
import type { RecordResult } from './record.js';

/** Who waits for the records of one call. Each record is settled once, by its place in the call. */
export interface Delivery {
  /** Settles when the last record of the call has. */
  readonly promise: Promise<unknown>;
  fulfil(index: number, result: RecordResult): void;
  fail(index: number, error: KafkaError): void;
  /** Ends it with a reason of the caller's own; what is settled later is dropped. */
  cancel(reason: unknown): void;
  /** The run of record `index` alone. */
  runFrom(index: number, timestamp: number): Run;
}

/** Records of one call that follow each other in the call and in a batch, with one timestamp. */
export interface Run {
  readonly delivery: Delivery;
  /** The place of the first in its call. */
  readonly index: number;
  readonly timestamp: number;
  readonly count: number;
  /** The next record of the call is one of it too. Never asked of one with all records of its call. */
  lengthen(): void;
}

class ManyRun implements Run {
  readonly delivery: Delivery;
  readonly index: number;
  readonly timestamp: number;
  count = 1;

  constructor(delivery: Delivery, index: number, timestamp: number) {
    this.delivery = delivery;
    this.index = index;
    this.timestamp = timestamp;
  }

  lengthen(): void {
    this.count += 1;
  }
}

type Settle = (outcome: RecordResult | Promise<never>) => void;

let lastSettle: Settle = () => {};
/** What makes a promise calls this before it returns, so one function serves all. */
const keepSettle = (settle: Settle): void => {
  lastSettle = settle;
};

/**
 * A call of one record, and the run that it is. Thousands of them are under way at once: an object more for each, or one that keeps others
 * when it is done with, costs the garbage collector as much as all the rest (`npm run bench -- produce`).
 */
export class SingleDelivery implements Delivery, Run {
  timestamp = -1;
  readonly promise: Promise<RecordResult>;
  readonly #settle: Settle;

  constructor() {
    this.promise = new Promise(keepSettle);
    this.#settle = lastSettle;
  }

  get index(): number {
    return 0;
  }

  get count(): number {
    return 1;
  }

  get delivery(): Delivery {
    return this;
  }

  runFrom(_index: number, timestamp: number): Run {
    this.timestamp = timestamp;
    return this;
  }

  lengthen(): void {}

  fulfil(_index: number, result: RecordResult): void {
    this.#settle(result);
  }

  fail(_index: number, error: KafkaError): void {
    this.cancel(error);
  }

  /** With a rejected promise it settles as that one does: a function less to keep. */
  cancel(reason: unknown): void {
    this.#settle(Promise.reject(reason));
  }
}

/** A call of many records: one promise for all. */
export class ManyDelivery implements Delivery {
  readonly #outcome: Deferred<readonly RecordResult[]> = deferred();
  readonly #what: string;
  readonly #results: (RecordResult | KafkaError)[];
  readonly #failures: KafkaError[] = [];
  #left: number;

  constructor(count: number, what: string) {
    this.#what = what;
    this.#results = new Array(count);
    this.#left = count;
    if (count === 0) this.#outcome.resolve([]);
  }

  runFrom(index: number, timestamp: number): Run {
    return new ManyRun(this, index, timestamp);
  }

  get promise(): Promise<readonly RecordResult[]> {
    return this.#outcome.promise;
  }

  fulfil(index: number, result: RecordResult): void {
    this.#results[index] = result;
    if (--this.#left === 0) this.#end();
  }

  fail(index: number, error: KafkaError): void {
    this.#results[index] = error;
    this.#failures.push(error);
    if (--this.#left === 0) this.#end();
  }

  cancel(reason: unknown): void {
    this.#outcome.reject(reason);
  }

  #end(): void {
    const [first] = this.#failures;
    if (first === undefined) {
      this.#outcome.resolve(this.#results as RecordResult[]); // without a failure every entry is a result
      return;
    }
    const [failed, count] = [this.#failures.length, this.#results.length];
    const others = failed < count ? `, the other ${count - failed} were delivered` : '';
    const persistence = this.#failures.some(error => error.persistence === 'maybe') ? 'maybe' : first.persistence;
    const message = `${this.#what}: ${failed} of ${count} records failed${others}: ${first.message}`;
    this.#outcome.reject(new PartialError<RecordResult | KafkaError>(message, first, this.#results, { persistence }));
  }
}
