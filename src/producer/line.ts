import type { Clock } from '../base/clock.js';
import { asKafkaError, type KafkaError, TimeoutError } from '../base/errors.js';
import { Expiries } from './expiries.js';

/** A call whose records are being made. */
export interface Making<T> {
  /** How many records it has. */
  readonly count: number;
  readonly expiresAt: number;
  /** Settles at the end of the whole call. */
  readonly settled: Promise<unknown>;
  /** Its records are there, and it is its turn. */
  enter(made: T): void;
  refuse(error: KafkaError): void;
}

interface Waiting {
  readonly count: number;
  readonly expiresAt: number;
  readonly settled: Promise<unknown>;
  /** Undefined until its records are there. */
  go: (() => void) | undefined;
  refuse(error: KafkaError): void;
}

/** Lets calls through in the order they came, also when what one of them needs takes its time. */
export class Line {
  readonly #waiting: Expiries<Waiting>;

  constructor(clock: Clock, deliveryTimeoutMs: number) {
    this.#waiting = new Expiries(clock, waiting => {
      waiting.refuse(notMade(waiting.count, deliveryTimeoutMs));
      this.#advance();
    });
  }

  /** Whether somebody waits: nobody may pass. */
  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  /** How many records wait. */
  get count(): number {
    let count = 0;
    for (const waiting of this.#waiting) count += waiting.count;
    return count;
  }

  /** What the calls that wait end with. */
  waiting(): readonly Promise<unknown>[] {
    return Array.from(this.#waiting, ({ settled }) => settled);
  }

  /** Lets `call` through when what it needs is there, and those before it are through. */
  wait<T>(ready: T | Promise<T>, call: Making<T>): void {
    const { count, expiresAt, settled } = call;
    const waiting: Waiting = { count, expiresAt, settled, go: undefined, refuse: error => call.refuse(error) };
    const arrive = (go: () => void) => {
      waiting.go = go;
      this.#advance();
    };
    this.#waiting.add(waiting);
    void Promise.resolve(ready).then(
      made => arrive(() => call.enter(made)),
      (thrown: unknown) => arrive(() => call.refuse(asKafkaError(thrown, 'no'))),
    );
  }

  /** Refuses all that wait. What they wait for is dropped when it comes. */
  refuseAll(error: KafkaError): void {
    const all = [...this.#waiting];
    this.#waiting.close();
    for (const waiting of all) waiting.refuse(error);
  }

  #advance(): void {
    for (const waiting of this.#waiting) {
      if (waiting.go === undefined) return;
      this.#waiting.delete(waiting);
      try {
        waiting.go();
      } catch (thrown) {
        waiting.refuse(asKafkaError(thrown, 'no')); // a bug, which must not keep those behind it waiting for ever
      }
    }
  }
}

function notMade(count: number, deliveryTimeoutMs: number): KafkaError {
  const message = `produce: ${count} records were not serialised within ${deliveryTimeoutMs} ms (deliveryTimeoutMs)`;
  return new TimeoutError(message, { persistence: 'no', context: { count, deliveryTimeoutMs } });
}
