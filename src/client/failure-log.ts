import type { Clock } from '../base/clock.js';
import { KafkaError } from '../base/errors.js';
import type { LinkEvent } from '../network/link.js';

/** An error that passed: what it stood in the way of was tried again, or was had from another broker. */
export interface NonFatalError {
  /** When, in ms since 1970. */
  readonly timestamp: number;
  readonly error: KafkaError;
}

/** What went wrong and did not come to the caller: the last errors that passed, and the brokers that cannot be reached. */
export class FailureLog {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #passed: NonFatalError[] = [];
  readonly #down = new Map<string, Error>();

  /** @param most How many errors that passed are kept, the last ones. */
  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Keeps an error that passed; gives what was kept of it. */
  passed(error: KafkaError): NonFatalError {
    const entry = Object.freeze({ timestamp: this.#clock.wallTime(), error });
    if (this.#most > 0) this.#passed.push(entry);
    if (this.#passed.length > this.#most) this.#passed.shift();
    return entry;
  }

  /** Oldest first. */
  get nonFatal(): readonly NonFatalError[] {
    return [...this.#passed];
  }

  clear(): void {
    this.#passed.length = 0;
  }

  /** Takes note of a connection. */
  connection({ kind, broker, error }: LinkEvent): void {
    if (kind === 'opened' || isMeant(error)) this.#down.delete(broker);
    else if (error !== undefined) this.#down.set(broker, error);
  }

  /** Nobody asks for these brokers any more. */
  forget(isKnown: (broker: string) => boolean): void {
    for (const broker of this.#down.keys()) if (!isKnown(broker)) this.#down.delete(broker);
  }

  /** The last failure of each broker, by its address, to which no connection was opened since. */
  get down(): ReadonlyMap<string, Error> {
    return new Map(this.#down);
  }
}

/** Whether a connection was closed because somebody wanted that. */
const isMeant = (error: Error | undefined): boolean =>
  error instanceof KafkaError && (error.code === 'TIDE_CLOSED' || error.context['meant'] === true);
