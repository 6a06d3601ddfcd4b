import { onAbort } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { asError, KafkaError, StateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Bell, settledWithin } from '../base/wait.js';
import type { PoisonedMessage } from '../consumer/consumer-events.js';
import type { Partition, RawShare } from '../consumer/partition.js';
import type { Shares } from '../consumer/shares.js';
import type { ProducerRecord, RecordResult } from '../producer/index.js';
import type { Message } from '../records/index.js';
import { type Crew, type FleetSnapshot, type Flight, heldTooLong, newCrew, snapshotOf } from './crew.js';
import { toPlain } from './plain-error.js';
import { Poisoning, type PoisoningSettings } from './poisoning.js';
import type { Failure, FromThread, PlainRecord, Result, Returned } from './thread-messages.js';
import type { Thread, Threads } from './threads.js';
import { PartitionWork } from './work.js';

/** Where a result comes from. */
export interface ResultPlace extends Pick<Message, 'topic' | 'partition' | 'offset'> {
  readonly attempt: number;
}

export interface FleetSettings extends PoisoningSettings {
  readonly handlerUrl: string;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number;
  /** How many threads there are to be for so many partitions. */
  threadsFor(partitionCount: number): number;
  readonly onResult: ((value: unknown, place: ResultPlace) => unknown) | undefined;
}

export interface FleetHost {
  readonly clock: Clock;
  readonly log: Log | undefined;
  readonly threads: Threads;
  send(record: ProducerRecord): Promise<RecordResult>;
  poisoned(what: PoisonedMessage): void;
  replaced(threadIndex: number, error: Error): void;
}

/** How often it is looked at what threads have in hand. */
const lookEveryMs = 20;
/** A share that others wait for comes back after so many ms. */
const turnMs = 100;
/** So long a thread may take to end. */
const endMs = 5000;

/**
 * Has threads work on the shares of partitions: one share of a partition at a time, by whichever thread is free. What is done of a share counts
 * bit by bit; what is not is worked on again, by another thread where one was lost.
 */
export class Fleet {
  readonly #host: FleetHost;
  readonly #settings: FleetSettings;
  readonly #crews = new Map<number, Crew>();
  readonly #works = new Map<Partition, PartitionWork>();
  readonly #poisoning: Poisoning;
  #look: Timer | undefined;
  #alarm: Timer | undefined;
  /** Rung when there may be something to do. */
  readonly #changed = new Bell();
  #shares: Shares | undefined;
  /** How long a round takes from its first share on; undefined: there is one without end. */
  #roundMs: number | undefined;
  #roundEndsAt = Number.POSITIVE_INFINITY;
  /** Something was tried in vain in this round. */
  #isSpoiled = false;
  #isEnding = false;
  #failure: { readonly error: unknown } | undefined;
  #idleDeaths = 0;

  constructor(host: FleetHost, settings: FleetSettings) {
    this.#host = host;
    this.#settings = settings;
    this.#poisoning = new Poisoning(
      {
        clock: host.clock,
        inTransaction: () => this.#roundMs !== undefined,
        send: record => host.send(record),
        poisoned: what => host.poisoned(what),
        fail: error => this.fail(error),
        decided: () => this.#changed.ring(),
      },
      settings,
    );
  }

  snapshot(): FleetSnapshot {
    const { retriedCount, deadLetterCount } = this.#poisoning;
    return { threads: snapshotOf(this.#crews.values(), this.#host.clock.now()), retriedCount, deadLetterCount };
  }

  /** Starts the first thread, which loads the handler. @throws KafkaError `TIDE_HANDLER`, `TIDE_THREAD`; what `setup` throws. */
  async begin(): Promise<void> {
    const crew = this.#start(0);
    const { thread } = crew;
    await Promise.race([thread.ended, this.#until(() => crew.isReady || thread.isOver)]);
    if (crew.isReady) return;
    this.#isEnding = true;
    throw thread.broken ?? (await thread.ended) ?? new KafkaError('TIDE_THREAD', 'a thread ended before it began');
  }

  /** Nothing more is begun: there is an end of it. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether something was tried in vain since {@link work} began: what came of that cannot be told from the rest. */
  get isSpoiled(): boolean {
    return this.#isSpoiled;
  }

  /**
   * Works until it is to end, or for a round; resolves when nothing is in hand.
   * @param options.roundMs How long a round takes from its first share on. It ends at once when something was tried in vain.
   * @throws KafkaError why it could not go on, after all was given back.
   */
  async work(
    shares: Shares,
    { signal, roundMs }: { readonly signal?: AbortSignal | undefined; readonly roundMs?: number | undefined },
  ): Promise<void> {
    this.#shares = shares;
    this.#roundMs = roundMs;
    this.#roundEndsAt = Number.POSITIVE_INFINITY;
    this.#isSpoiled = false;
    const forget = onAbort(signal, () => {
      this.#isEnding = true;
      this.#changed.ring();
    });
    if (signal?.aborted) this.#isEnding = true;
    try {
      await this.#workOn(shares);
    } finally {
      forget();
      this.#look?.cancel();
      this.#look = undefined;
      this.#alarm?.cancel();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** What was done in the last round stays done. */
  kept(): void {
    for (const work of this.#works.values()) work.kept();
  }

  /** What was done in the last round is not: it was rolled back. */
  undone(): void {
    for (const work of this.#works.values()) work.undone();
  }

  async #workOn(shares: Shares): Promise<void> {
    for (;;) {
      const unlisten = shares.changed.listen(() => this.#changed.ring());
      if (shares.closing) this.#isEnding = true;
      this.#recall(shares);
      if (!this.#isStopping) this.#dispatch(shares);
      const isIdle = this.#isStopping && this.#flights().length === 0 && !this.#poisoning.isDeciding;
      const isOver = isIdle || shares.closed; // time is up: what still runs ends with its thread
      if (!isOver) await this.#changed.wait();
      unlisten();
      if (isOver) return;
    }
  }

  /** Asks every thread to end, and waits for that, for a while. Then they are ended. @throws Error what went wrong in a `teardown`. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const crews = [...this.#crews.values()];
    for (const { thread, flights } of crews) {
      if (flights.size > 0) thread.kill();
      else thread.tell({ kind: 'end' });
    }
    const all = Promise.all(crews.map(({ thread }) => thread.ended));
    if (!(await settledWithin(this.#host.clock, all, endMs))) for (const { thread } of crews) thread.kill();
    const broken = crews.map(({ thread }) => (thread.killedFor === undefined ? thread.broken : undefined)).find(each => each !== undefined);
    if (this.#failure === undefined && broken !== undefined) throw broken;
  }

  /** Ends with `error`, once nothing is in hand. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#isEnding = true;
    this.#changed.ring();
  }

  /** Everything is asked back. */
  get #isStopping(): boolean {
    return this.#isEnding || (this.#roundMs !== undefined && (this.#isSpoiled || this.#host.clock.now() >= this.#roundEndsAt));
  }

  #flights(): readonly Flight[] {
    return [...this.#crews.values()].flatMap(({ flights }) => [...flights.values()]);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#changed.wait();
  }

  #start(index: number): Crew {
    const crew: Crew = newCrew(this.#host.threads.start(index, message => this.#told(crew, message)));
    this.#crews.set(index, crew);
    crew.thread.ended.then(why => this.#ended(crew, why)).catch((error: unknown) => this.fail(error));
    return crew;
  }

  /** Gives shares to threads that have room. */
  #dispatch(shares: Shares): void {
    const { clock } = this.#host;
    const wanted = this.#settings.threadsFor(shares.partitions.length);
    for (let index = 0; index < wanted; index++) if (!this.#crews.has(index)) this.#start(index);
    try {
      for (let crew = this.#free(); crew !== undefined; crew = this.#free()) {
        const { flights } = crew;
        const found = shares.look(partition => this.#shareOf(partition, flights.size === 0));
        if (found === undefined) break;
        this.#give(crew, found.work, found.share);
      }
    } catch (error) {
      this.fail(error);
    }
    const now = clock.now();
    const times = [...this.#works.values()].filter(({ busy, quietUntil }) => !busy && quietUntil > now).map(({ quietUntil }) => quietUntil);
    this.#alarm?.cancel();
    const due = Math.min(this.#roundEndsAt, ...times);
    if (due !== Number.POSITIVE_INFINITY) this.#alarm = clock.after(Math.max(0, due - now), () => this.#changed.ring());
  }

  /** The thread that has least to do, if one has room. */
  #free(): Crew | undefined {
    let best: Crew | undefined;
    for (const crew of this.#crews.values()) {
      const { isReady, flights, thread } = crew;
      if (!isReady || thread.isOver || flights.size >= this.#settings.concurrency) continue;
      if ([...flights.values()].some(({ isAlone }) => isAlone)) continue;
      if (best === undefined || flights.size < best.flights.size) best = crew;
    }
    return best;
  }

  /** @param isIdle Whether the thread that is to have it has nothing else. */
  #shareOf(partition: Partition, isIdle: boolean): { readonly work: PartitionWork; readonly share: RawShare } | undefined {
    let work = this.#works.get(partition);
    if (work === undefined) this.#works.set(partition, (work = new PartitionWork(partition)));
    if (work.busy || work.quietUntil > this.#host.clock.now()) return undefined;
    if (this.#poisoning.write(work)) return undefined;
    if (work.isAlone && !isIdle) return undefined;
    const share = work.next();
    return share === undefined ? undefined : { work, share };
  }

  #give(crew: Crew, work: PartitionWork, share: RawShare): void {
    const { thread, flights } = crew;
    let slot = 0;
    while (flights.has(slot)) slot += 1;
    const { isAlone } = work;
    const order = work.order(share, slot);
    const begunAt = this.#host.clock.now();
    const { from, show } = order;
    flights.set(slot, {
      share: withoutRecords(share),
      ...{ work, slot, begunAt, from, show, isAlone, recalled: false, aborted: false, count: 0, refused: undefined },
      chain: Promise.resolve(),
    });
    work.busy = true;
    crew.busySince ??= begunAt;
    if (this.#roundMs !== undefined) this.#roundEndsAt = Math.min(this.#roundEndsAt, begunAt + this.#roundMs);
    thread.inHand.begin(slot, order.from);
    thread.tell(order, [order.records]);
    this.#watch();
  }

  /** Asks for what must come back: what is for nobody any more, and what is to be handed out elsewhere. */
  #recall(shares: Shares): void {
    for (const crew of this.#crews.values()) {
      for (const flight of crew.flights.values()) {
        const { share, slot } = flight;
        const { leaving, paused, stalled, held } = share.partition;
        if (!shares.isOurs(share)) this.#abort(crew, flight, 'the partition was taken back');
        else if (!(this.#isStopping || leaving || paused || stalled || held)) continue;
        if (flight.recalled) continue;
        flight.recalled = true;
        crew.thread.inHand.recall(slot);
      }
    }
    for (const [partition, work] of this.#works) {
      const isIdle = this.#isStopping || partition.leaving || partition.stalled || partition.held;
      if (work.rest !== undefined && !work.busy && isIdle) this.#giveBack(work.rest, work);
      if (partition.gone !== undefined && !work.busy) this.#works.delete(partition);
    }
  }

  #abort(crew: Crew, flight: Flight, why: string): void {
    if (flight.aborted) return;
    flight.aborted = true;
    const { topic, partition } = flight.share.partition;
    const reason = new StateError('TIDE_PARTITION_LOST', `${topic}/${partition}: ${why}`, { context: { topic, partition } });
    crew.thread.tell({ kind: 'abort', slot: flight.slot, reason: toPlain(reason) });
  }

  #watch(): void {
    this.#look ??= this.#host.clock.after(lookEveryMs, () => {
      this.#look = undefined;
      for (const crew of this.#crews.values()) this.#lookAt(crew);
      if (this.#flights().length > 0) this.#watch();
    });
  }

  /** What became done meanwhile counts; a handler that takes too long ends with its thread; a share that others wait for comes back. */
  #lookAt(crew: Crew): void {
    const { clock } = this.#host;
    const now = clock.now();
    for (const flight of crew.flights.values()) this.#progress(crew, flight);
    const { handlerTimeoutMs } = this.#settings;
    const hanging = handlerTimeoutMs === Number.POSITIVE_INFINITY ? undefined : heldTooLong(crew, now, handlerTimeoutMs);
    if (hanging !== undefined) crew.thread.kill(hanging);
    if (this.#free() !== undefined) return;
    const oldest = [...crew.flights.values()].find(({ begunAt, recalled }) => !recalled && now - begunAt > turnMs);
    if (oldest === undefined || !this.#someoneWaits()) return;
    oldest.recalled = true;
    crew.thread.inHand.recall(oldest.slot);
  }

  #someoneWaits(): boolean {
    const now = this.#host.clock.now();
    const isWaiting = (partition: Partition): boolean => {
      const { placed, paused, leaving, held } = partition;
      const work = this.#works.get(partition);
      if (!placed || paused || leaving || held) return false;
      return work === undefined ? partition.prefetched.aheadBytes > 0 : work.waits && work.quietUntil <= now;
    };
    return this.#shares?.partitions.some(isWaiting) === true;
  }

  /** Counts what the thread has written down as done. */
  #progress(crew: Crew, flight: Flight): void {
    if (this.#settings.onResult !== undefined) return; // done once its result was taken in
    const { inHand } = crew.thread;
    this.#done(crew, flight, inHand.done(flight.slot), inHand.count(flight.slot));
  }

  #done(crew: Crew, flight: Flight, offset: number, count: number): void {
    const more = Math.max(0, count - flight.count);
    flight.count += more;
    crew.handled += more;
    this.#shares?.done(flight.share, offset, more);
    flight.work.reached(offset);
    if (more > 0) this.#idleDeaths = 0;
  }

  #told(crew: Crew, message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        crew.isReady = true;
        this.#changed.ring();
        break;
      case 'send':
        void this.#send(crew, message.id, message.record);
        break;
      case 'log':
        this.#host.log?.say('Consumer', message.level, message.message, { ...message.fields, thread: crew.thread.index });
        break;
      case 'results':
      case 'returned': {
        const flight = crew.flights.get(message.slot);
        if (flight === undefined) break;
        flight.chain = flight.chain
          .then(() => (message.kind === 'results' ? this.#takeIn(crew, flight, message) : this.#returned(crew, flight, message)))
          .catch(error => this.fail(error));
        break;
      }
      case 'broken':
        break; // the thread says so
      default:
        message satisfies never;
    }
  }

  async #send(crew: Crew, id: number, record: PlainRecord): Promise<void> {
    try {
      const { topic, partition, offset, timestamp } = await this.#host.send(record as ProducerRecord);
      crew.thread.tell({ kind: 'sent', id, stored: { topic, partition, offset, timestamp }, error: undefined });
    } catch (error) {
      crew.thread.tell({ kind: 'sent', id, stored: undefined, error: toPlain(error) });
    }
  }

  /** Gives results to the user, one after the other. One that is refused is an attempt in vain. */
  async #takeIn(
    crew: Crew,
    flight: Flight,
    { results, done, count }: { readonly results: readonly Result[]; readonly done: number; readonly count: number },
  ): Promise<void> {
    crew.thread.tell({ kind: 'taken', count: results.length });
    const { topic, partition } = flight.share.partition;
    for (const { offset, attempt, value } of results) {
      if (flight.refused !== undefined || !this.#isOurs(flight)) return;
      try {
        await this.#settings.onResult?.(value, { topic, partition, offset, attempt });
      } catch (error) {
        flight.refused = { offset, attempt, error: asError(error) };
        flight.recalled = true;
        crew.thread.inHand.recall(flight.slot);
        return;
      }
    }
    this.#done(crew, flight, done, count);
  }

  /** A share has come back. */
  #returned(crew: Crew, flight: Flight, message: Returned): void {
    const { share, work, refused } = flight;
    this.#landed(crew, flight);
    if (!this.#isOurs(flight)) return;
    if (refused === undefined) this.#done(crew, flight, message.done, message.count);
    for (const offset of message.finished) work.finished(offset);
    const { records, damaged } = message;
    if (damaged !== undefined) {
      this.#giveBack(share, work);
      work.isDamaged = true;
      return;
    }
    if (records !== undefined && refused === undefined) work.keep(share, records);
    else if (refused !== undefined) this.#giveBack(share, work);
    if (flight.show !== undefined) this.#poisoning.shown(work, flight.show, message.shown);
    const failures: readonly Failure[] =
      refused === undefined ? message.failures : [{ ...refused, last: refused.offset, error: toPlain(refused.error), message: undefined }];
    for (const failure of failures) this.#inVain(work, failure);
    const isStill = message.done === flight.from && failures.length === 0 && !flight.recalled && flight.show === undefined;
    if (isStill) this.#poisoning.rest(work); // nothing was marked: it comes again, not at once
    this.#changed.ring();
  }

  #isOurs({ share }: Flight): boolean {
    return this.#shares?.isOurs(share) === true;
  }

  #landed(crew: Crew, flight: Flight): void {
    crew.flights.delete(flight.slot);
    flight.work.busy = false;
    if (crew.flights.size > 0) return;
    crew.busyMs += this.#host.clock.now() - (crew.busySince ?? 0);
    crew.busySince = undefined;
    this.#changed.ring();
  }

  /** What is left of a share is fetched again. */
  #giveBack(share: RawShare, work: PartitionWork): void {
    work.drop();
    this.#shares?.giveBack(share);
  }

  #inVain(work: PartitionWork, failure: Failure): void {
    this.#isSpoiled = true;
    this.#poisoning.inVain(work, failure);
  }

  /** A thread is over: what it had in hand is worked on again, and what ended it is looked for. */
  async #ended(crew: Crew, why: Error | undefined): Promise<void> {
    const { thread, flights } = crew;
    await Promise.all([...flights.values()].map(({ chain }) => chain));
    if (this.#crews.get(thread.index) === crew) this.#crews.delete(thread.index);
    const isHang = thread.killedFor !== undefined;
    const held = isHang ? [thread.killedFor] : thread.inHand.held();
    const [only] = held.length === 1 ? held : [];
    const cause = why ?? new Error('it ended by itself');
    for (const flight of [...flights.values()]) {
      const { slot, share, work } = flight;
      this.#progress(crew, flight);
      this.#isSpoiled = true; // what it has sent may be there
      this.#landed(crew, flight);
      if (!this.#isOurs(flight)) continue;
      this.#giveBack(share, work);
      for (const each of held) {
        if (each?.slot !== slot) continue;
        if (each === only && each.first === each.last) this.#inVain(work, this.#fatal(work, each.first, thread, isHang, cause));
        else work.suspect(each.first, each.last);
      }
    }
    this.#changed.ring();
    if (this.#isEnding || why === undefined) return;
    if (!crew.isReady) return this.fail(thread.broken ?? why);
    if (held.length === 0 && ++this.#idleDeaths >= this.#settings.maxAttempts)
      return this.fail(
        new KafkaError('TIDE_THREAD', `threads end by themselves, ${this.#idleDeaths} in a row: ${cause.message}`, { cause }),
      );
    this.#host.replaced(thread.index, cause);
    this.#start(thread.index);
  }

  /** The attempt at a message that ended its thread. */
  #fatal(work: PartitionWork, offset: number, { index }: Thread, isHang: boolean, cause: Error): Failure {
    const { topic, partition } = work.partition;
    const what = isHang ? `not done within ${this.#settings.handlerTimeoutMs} ms (handlerTimeoutMs)` : `ended its thread: ${cause.message}`;
    const error = new KafkaError('TIDE_THREAD', `${topic}/${partition} offset ${offset} in thread ${index}: ${what}`, {
      cause,
      context: { topic, partition, offset, thread: index },
    });
    return { offset, last: offset, attempt: 0, error: toPlain(error), message: undefined };
  }
}

/** A share whose records are a thread's: the answer they came in is not kept for them. */
const withoutRecords = (share: RawShare): RawShare => ({ ...share, records: nothing });
const nothing = Buffer.alloc(0);
