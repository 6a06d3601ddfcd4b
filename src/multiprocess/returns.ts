import type { Clock } from '../base/clock.js';
import { KafkaError } from '../base/errors.js';
import type { RawShare } from '../consumer/partition.js';
import type { Shares } from '../consumer/shares.js';
import type { Message } from '../records/index.js';
import { type Crew, type Flight, landed } from './crew.js';
import type { Held } from './in-hand.js';
import { toPlain } from './plain-error.js';
import type { Poisoning } from './poisoning.js';
import type { Failure, FromThread, Returned } from './thread-messages.js';
import type { Thread } from './threads.js';
import type { PartitionWork } from './work.js';

/** Where a result comes from. */
export interface ResultPlace extends Pick<Message, 'topic' | 'partition' | 'offset'> {
  readonly attempt: number;
}

export interface ReturnsSettings {
  readonly handlerTimeoutMs: number;
  readonly onResult: ((value: unknown, place: ResultPlace) => unknown) | undefined;
}

export interface ReturnsHost {
  readonly clock: Clock;
  readonly poisoning: Poisoning;
  /** What is worked on now. */
  shares(): Shares | undefined;
  /** Whether what is done may be rolled back. */
  inTransaction(): boolean;
  /** There may be something to do. */
  changed(): void;
  /** Everything is to end with this. */
  fail(error: unknown): void;
}

/** What comes back of shares that threads have: what is done counts, results are told, and what is not done, or was lost, is worked on again. */
export class Returns {
  readonly #host: ReturnsHost;
  readonly #settings: ReturnsSettings;
  /** Something was tried in vain. */
  isSpoiled = false;
  /** How many threads ended with nothing in hand since a message was done. */
  idleDeaths = 0;

  constructor(host: ReturnsHost, settings: ReturnsSettings) {
    this.#host = host;
    this.#settings = settings;
  }

  /** Takes what a thread says of a share, one thing after the other. */
  take(crew: Crew, message: Extract<FromThread, { readonly kind: 'results' | 'returned' }>): void {
    const flight = crew.flights.get(message.slot);
    if (flight === undefined) return;
    flight.chain = flight.chain
      .then(() => (message.kind === 'results' ? this.#takeIn(crew, flight, message) : this.#returned(crew, flight, message)))
      .catch(error => this.#host.fail(error));
  }

  /** Counts what the thread has written down as done. */
  progress(crew: Crew, flight: Flight): void {
    if (this.#settings.onResult !== undefined) return; // done once its result was taken in
    const { inHand } = crew.thread;
    this.#done(crew, flight, inHand.done(flight.slot), inHand.count(flight.slot));
  }

  /** What is left of a share is fetched again. */
  giveBack(share: RawShare, work: PartitionWork): void {
    work.drop();
    this.#host.shares()?.giveBack(share);
  }

  /** A thread is over: what it had is worked on again, and what of that ended it is looked for. Gives what it had in hand. */
  lost(crew: Crew, cause: Error): readonly Held[] {
    const { thread, flights } = crew;
    const { killedFor } = thread;
    const held = killedFor === undefined ? thread.inHand.held() : [killedFor];
    const [only] = held.length === 1 ? held : [];
    for (const flight of [...flights.values()]) {
      const { slot, share, work } = flight;
      this.progress(crew, flight);
      this.isSpoiled = true; // what it has sent may be there
      this.#landed(crew, flight);
      if (!this.#isOurs(flight)) continue;
      this.giveBack(share, work);
      for (const each of held) {
        if (each.slot !== slot) continue;
        if (each === only && each.first === each.last) this.#inVain(work, this.#fatal(work, each.first, thread, cause));
        else work.suspect(each.first, each.last);
      }
    }
    return held;
  }

  /** Gives results to the user, one after the other. One that is refused is an attempt in vain. */
  async #takeIn(crew: Crew, flight: Flight, { results, done, count }: Extract<FromThread, { readonly kind: 'results' }>): Promise<void> {
    crew.thread.tell({ kind: 'taken', count: results.length });
    const { topic, partition } = flight.share.partition;
    for (const { offset, last, attempt, value } of results) {
      if (flight.refused !== undefined || !this.#isOurs(flight)) return;
      try {
        await this.#settings.onResult?.(value, { topic, partition, offset, attempt });
      } catch (error) {
        flight.refused = { offset, last, error: toPlain(error) };
        flight.recalled = true;
        crew.thread.inHand.recall(flight.slot);
        return;
      }
    }
    this.#done(crew, flight, done, count);
  }

  /** A share has come back. */
  #returned(crew: Crew, flight: Flight, message: Returned): void {
    const { poisoning } = this.#host;
    const { share, work, refused } = flight;
    this.#landed(crew, flight);
    if (!this.#isOurs(flight)) return;
    if (refused === undefined) this.#done(crew, flight, message.done, message.count);
    for (const offset of message.finished) work.finished(offset);
    const { records, damaged } = message;
    const isSound = damaged === undefined && refused === undefined;
    if (isSound && records !== undefined) work.keep(share, records);
    else if (!isSound || message.done < share.nextOffset) this.giveBack(share, work);
    if (flight.show !== undefined && isSound) poisoning.shown(work, flight.show, message.shown);
    const failures: readonly Failure[] = refused === undefined ? message.failures : [refused];
    for (const failure of failures) this.#inVain(work, failure);
    if (damaged !== undefined) work.isDamaged = failures.length === 0; // else what comes before the damage is worked on again first
    const isStill = message.done === flight.from && failures.length === 0 && !flight.recalled && isSound && flight.show === undefined;
    if (isStill) poisoning.rest(work); // nothing was marked: it comes again, not at once
    this.#host.changed();
  }

  #landed(crew: Crew, flight: Flight): void {
    landed(crew, flight, this.#host.clock.now());
    this.#host.changed();
  }

  #isOurs({ share }: Flight): boolean {
    return this.#host.shares()?.isOurs(share) === true;
  }

  #done(crew: Crew, flight: Flight, offset: number, count: number): void {
    const more = Math.max(0, count - flight.count);
    flight.count += more;
    crew.handled += more;
    this.#host.shares()?.done(flight.share, offset, more);
    if (!this.#host.inTransaction()) flight.work.reached(offset);
    if (more > 0) this.idleDeaths = 0;
  }

  #inVain(work: PartitionWork, failure: Failure): void {
    this.isSpoiled = true;
    this.#host.poisoning.inVain(work, failure);
  }

  /** The attempt at a message that ended its thread. */
  #fatal(work: PartitionWork, offset: number, { index, killedFor }: Thread, cause: Error): Failure {
    const { topic, partition } = work.partition;
    const { handlerTimeoutMs } = this.#settings;
    const what =
      killedFor === undefined ? `ended its thread: ${cause.message}` : `not done within ${handlerTimeoutMs} ms (handlerTimeoutMs)`;
    const error = new KafkaError('TIDE_THREAD', `${topic}/${partition} offset ${offset} in thread ${index}: ${what}`, {
      cause,
      context: { topic, partition, offset, thread: index },
    });
    return { offset, last: offset, error: toPlain(error) };
  }
}
