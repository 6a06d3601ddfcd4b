import type { Clock } from '../base/clock.js';
import { asError, KafkaError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { PoisonedMessage } from '../consumer/consumer-events.js';
import type { ProducerRecord } from '../producer/index.js';
import { fromPlain } from './plain-error.js';
import { deadLetter, type GivenUp, type OnPoison, poisonError } from './poison.js';
import type { Failure, PlainRecord } from './thread-messages.js';
import type { PartitionWork } from './work.js';

export interface PoisoningSettings {
  readonly maxAttempts: number;
  readonly retryBackoffMs: number;
  readonly onPoison: OnPoison;
}

export interface PoisoningHost {
  readonly clock: Clock;
  readonly log: Log | undefined;
  /** Whether what is sent may be rolled back. */
  inTransaction(): boolean;
  /** The transaction cannot be committed: it is rolled back, and all of it comes again. */
  spoil(): void;
  send(record: ProducerRecord): Promise<unknown>;
  poisoned(what: PoisonedMessage): void;
  /** Everything is to end with this. */
  fail(error: Error): void;
  /** Something was decided. */
  decided(): void;
}

/** Decides what becomes of messages that are tried in vain: another attempt, and after the last what `onPoison` says. */
export class Poisoning {
  readonly #host: PoisoningHost;
  readonly #settings: PoisoningSettings;
  #deciding = 0;
  #retriedCount = 0;
  #deadLetterCount = 0;

  constructor(host: PoisoningHost, settings: PoisoningSettings) {
    this.#host = host;
    this.#settings = settings;
  }

  /** Whether something is being written. */
  get isDeciding(): boolean {
    return this.#deciding > 0;
  }

  get retriedCount(): number {
    return this.#retriedCount;
  }

  get deadLetterCount(): number {
    return this.#deadLetterCount;
  }

  /** A message, or a batch as a whole, was tried in vain. */
  inVain(work: PartitionWork, { offset, last, error }: Failure): void {
    const { maxAttempts } = this.#settings;
    const attempts = work.failed(offset);
    const { topic, partition } = work.partition;
    this.#host.log?.say('Consumer', 'warn', 'an attempt in vain', { topic, partition, offset, attempts, error: error.message });
    this.#retriedCount += 1;
    this.rest(work);
    if (attempts < maxAttempts) return;
    // The whole batch has had its attempts: each of its messages has its last one alone.
    if (last > offset) work.suspect(offset, last, maxAttempts);
    else this.#givenUp(work, { offset, attempts, error: fromPlain(error) });
  }

  /** The partition waits for a while. */
  rest(work: PartitionWork): void {
    work.quietUntil = this.#host.clock.now() + this.#settings.retryBackoffMs;
  }

  /** A message was looked at that is to stand elsewhere; undefined: it is not there any more. */
  shown(work: PartitionWork, offset: number, message: PlainRecord | undefined): void {
    const given = work.wanted(offset);
    if (message === undefined) work.finished(offset);
    else if (given !== undefined) work.write(given, message);
  }

  /** Writes what is still to be written of the partition's messages; false when nothing is. */
  write(work: PartitionWork): boolean {
    const { letter } = work;
    const { onPoison } = this.#settings;
    if (letter === undefined || typeof onPoison !== 'object') return false;
    const { given, message } = letter;
    work.busy = true;
    this.#deciding += 1;
    const written = (): void => {
      work.written(letter, !this.#host.inTransaction());
      this.#deadLetterCount += 1;
      this.#passOver(work, given, onPoison);
    };
    const failed = (error: unknown): void => {
      if (this.#host.inTransaction() && error instanceof KafkaError && error.code === 'TIDE_STATE') {
        this.#host.spoil(); // what another message has sent failed the transaction: the next one has the letter
        return this.rest(work);
      }
      const more = ` and could not be written to ${onPoison.topic} (${asError(error).message})`;
      this.#host.fail(poisonError(work.partition, given.offset, given.attempts, given.error, more));
    };
    void this.#host
      .send(deadLetter(onPoison.topic, message, given))
      .then(written, failed)
      .then(() => {
        work.busy = false;
        this.#deciding -= 1;
        this.#host.decided();
      });
    return true;
  }

  #givenUp(work: PartitionWork, given: GivenUp): void {
    const { onPoison } = this.#settings;
    if (onPoison === 'stop') this.#host.fail(poisonError(work.partition, given.offset, given.attempts, given.error));
    else if (onPoison === 'skip') this.#passOver(work, given, 'skipped');
    else work.show(given); // as it is stored: the handler may have changed the bytes that it was given
  }

  #passOver(work: PartitionWork, given: GivenUp, to: PoisonedMessage['to']): void {
    const { topic, partition } = work.partition;
    work.passedOver(given.offset);
    this.#host.poisoned({ topic, partition, ...given, to });
  }
}
