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
}

/** A call of one record. */
export class SingleDelivery implements Delivery {
  readonly promise: Promise<RecordResult>;
  #resolve: (result: RecordResult) => void = () => {};
  #reject: (reason: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  fulfil(_index: number, result: RecordResult): void {
    this.#resolve(result);
  }

  fail(_index: number, error: KafkaError): void {
    this.#reject(error);
  }

  cancel(reason: unknown): void {
    this.#reject(reason);
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
