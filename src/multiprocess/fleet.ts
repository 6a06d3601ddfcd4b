import { onAbort } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { KafkaError, StateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Bell, settledWithin } from '../base/wait.js';
import type { PoisonedMessage } from '../consumer/consumer-events.js';
import type { Partition } from '../consumer/partition.js';
import type { Shares } from '../consumer/shares.js';
import type { ProducerRecord, RecordResult } from '../producer/index.js';
import { type Crew, type FleetSnapshot, type Flight, flightsOf, launch, leastBusy, newCrew, snapshotOf } from './crew.js';
import { Lookout } from './lookout.js';
import { toPlain } from './plain-error.js';
import { assertElsewhere } from './poison.js';
import { Poisoning, type PoisoningSettings } from './poisoning.js';
import { Returns, type ReturnsSettings } from './returns.js';
import type { FromThread, PlainRecord } from './thread-messages.js';
import type { Threads } from './threads.js';
import { PartitionWork, type Portion } from './work.js';

export interface FleetSettings extends PoisoningSettings, ReturnsSettings {
  readonly concurrency: number;
  /** How many threads there are to be for so many partitions. */
  threadsFor(partitionCount: number): number;
}

export interface FleetHost {
  readonly clock: Clock;
  readonly log: Log | undefined;
  readonly threads: Threads;
  send(record: ProducerRecord): Promise<RecordResult>;
  poisoned(what: PoisonedMessage): void;
  replaced(threadIndex: number, error: Error): void;
}

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
  readonly #returns: Returns;
  readonly #lookout: Lookout;
  #alarm: Timer | undefined;
  /** Rung when there may be something to do. */
  readonly #changed = new Bell();
  #shares: Shares | undefined;
  /** How long a round takes from its first share on; undefined: there is one without end. */
  #roundMs: number | undefined;
  #roundEndsAt = Number.POSITIVE_INFINITY;
  #isEnding = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(host: FleetHost, settings: FleetSettings) {
    this.#host = host;
    this.#settings = settings;
    this.#poisoning = new Poisoning(
      {
        ...{ clock: host.clock, log: host.log },
        inTransaction: () => this.#roundMs !== undefined,
        spoil: () => {
          this.#returns.isSpoiled = true;
        },
        send: record => host.send(record),
        poisoned: what => host.poisoned(what),
        fail: error => this.fail(error),
        decided: () => this.#changed.ring(),
      },
      settings,
    );
    this.#returns = new Returns(
      {
        ...{ clock: host.clock, poisoning: this.#poisoning },
        shares: () => this.#shares,
        inTransaction: () => this.#roundMs !== undefined,
        changed: () => this.#changed.ring(),
        fail: error => this.fail(error),
      },
      settings,
    );
    this.#lookout = new Lookout(
      {
        clock: host.clock,
        crews: () => this.#crews.values(),
        progress: (crew, flight) => this.#returns.progress(crew, flight),
        isShortOfRoom: () => this.#free() === undefined && this.#someoneWaits(),
      },
      settings.handlerTimeoutMs,
    );
  }

  snapshot(): FleetSnapshot {
    const { retriedCount, deadLetterCount } = this.#poisoning;
    return { threads: snapshotOf(this.#crews.values(), this.#host.clock.now()), retriedCount, deadLetterCount };
  }

  /**
   * Starts the first thread, which loads the handler; waits for that, unless there is an end of it before.
   * @throws KafkaError `TIDE_HANDLER`, `TIDE_THREAD`; what `setup` throws.
   */
  async begin(shares: Shares, signal: AbortSignal | undefined): Promise<void> {
    const crew = this.#start(0);
    const { thread } = crew;
    const forget = onAbort(signal, () => this.#changed.ring());
    while (!crew.isReady && !thread.isOver && !signal?.aborted && !shares.closing) await this.#change(shares);
    forget();
    if (!thread.isOver) return;
    this.#isEnding = true;
    throw thread.broken ?? (await thread.ended) ?? new KafkaError('TIDE_THREAD', 'a thread ended before it began');
  }

  /** Nothing more is begun: there is an end of it. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether something was tried in vain since {@link work} began: what came of that cannot be told from the rest. */
  get isSpoiled(): boolean {
    return this.#returns.isSpoiled;
  }

  /** Whether something came of a message while one before it is not done: what is committed like this would be seen again. */
  get leavesHole(): boolean {
    return [...this.#works.values()].some(work => work.leavesHole);
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
    this.#returns.isSpoiled = false;
    const forget = onAbort(signal, () => {
      this.#isEnding = true;
      this.#changed.ring();
    });
    if (signal?.aborted) this.#isEnding = true;
    try {
      await this.#workOn(shares);
    } finally {
      forget();
      this.#lookout.stop();
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
      if (shares.closing) this.#isEnding = true;
      this.#recall(shares);
      if (!this.#isStopping) this.#dispatch(shares);
      const isIdle = this.#isStopping && flightsOf(this.#crews.values()).length === 0 && !this.#poisoning.isDeciding;
      const isOver = isIdle || shares.closed; // time is up: what still runs ends with its thread
      if (isOver) return;
      await this.#change(shares);
    }
  }

  /** Waits until there may be something to do. */
  async #change(shares: Shares): Promise<void> {
    const unlisten = shares.changed.listen(() => this.#changed.ring());
    await this.#changed.wait();
    unlisten();
  }

  /** Asks every thread to end, and waits for that, for a while. Then they are ended. Gives what went wrong in a `teardown`. */
  async end(): Promise<Error | undefined> {
    this.#isEnding = true;
    const crews = [...this.#crews.values()];
    for (const { thread, flights } of crews) {
      if (flights.size > 0) thread.kill();
      else thread.tell({ kind: 'end' });
    }
    const all = Promise.all(crews.map(({ thread }) => thread.ended));
    if (!(await settledWithin(this.#host.clock, all, endMs))) for (const { thread } of crews) thread.kill();
    return crews.map(({ thread }) => (thread.killedFor === undefined ? thread.broken : undefined)).find(each => each !== undefined);
  }

  /** Ends with `error`, once nothing is in hand. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#isEnding = true;
    this.#changed.ring();
  }

  /** Everything is asked back. */
  get #isStopping(): boolean {
    if (this.#isEnding || this.#roundMs === undefined) return this.#isEnding;
    if (this.isSpoiled) return true;
    // A round goes on until what was left out is done, but for partitions of which nothing is given out: it is rolled back then.
    const waits = ({ leavesHole, partition }: PartitionWork) => leavesHole && !isRecalled(partition);
    return this.#host.clock.now() >= this.#roundEndsAt && ![...this.#works.values()].some(waits);
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
      this.#recall(shares);
    }
    const now = clock.now();
    const times = [...this.#works.values()].filter(({ busy, quietUntil }) => !busy && quietUntil > now).map(({ quietUntil }) => quietUntil);
    this.#alarm?.cancel();
    const due = Math.min(this.#roundEndsAt, ...times);
    if (due !== Number.POSITIVE_INFINITY) this.#alarm = clock.after(Math.max(0, due - now), () => this.#changed.ring());
  }

  /** The thread that is to have the next share, if one has room. */
  #free(): Crew | undefined {
    return leastBusy(this.#crews.values(), this.#settings.concurrency);
  }

  /** @param isIdle Whether the thread that is to have it has nothing else. */
  #shareOf(partition: Partition, isIdle: boolean): { readonly work: PartitionWork; readonly share: Portion } | undefined {
    let work = this.#works.get(partition);
    if (work === undefined) {
      assertElsewhere(partition.topic, this.#settings.onPoison); // a pattern matches what was created since the run began
      this.#works.set(partition, (work = new PartitionWork(partition)));
    }
    if (work.busy || work.quietUntil > this.#host.clock.now()) return undefined;
    if (this.#poisoning.write(work)) return undefined;
    if (work.isAlone && !isIdle) return undefined;
    const share = work.next();
    return share === undefined ? undefined : { work, share };
  }

  #give(crew: Crew, work: PartitionWork, share: Portion): void {
    const now = this.#host.clock.now();
    launch(crew, work, share, now);
    if (this.#roundMs !== undefined) this.#roundEndsAt = Math.min(this.#roundEndsAt, now + this.#roundMs);
    this.#lookout.start();
  }

  /** Asks for what must come back: what is for nobody any more, and what is to be handed out elsewhere. */
  #recall(shares: Shares): void {
    for (const crew of this.#crews.values()) {
      for (const flight of crew.flights.values()) {
        const { share, slot } = flight;
        if (!shares.isOurs(share)) this.#abort(crew, flight);
        else if (!(this.#isStopping || isRecalled(share.partition))) continue;
        if (flight.recalled) continue;
        flight.recalled = true;
        crew.thread.inHand.recall(slot);
      }
    }
    for (const [partition, work] of this.#works) {
      const isIdle = this.#isStopping || partition.leaving || partition.stalled || partition.held;
      if (work.rest !== undefined && !work.busy && isIdle) this.#returns.giveBack(work.rest, work);
      if (partition.gone !== undefined && !work.busy) this.#works.delete(partition);
    }
  }

  #abort(crew: Crew, flight: Flight): void {
    if (flight.aborted) return;
    flight.aborted = true;
    const { topic, partition } = flight.share.partition;
    const reason = new StateError('TIDE_PARTITION_LOST', `${topic}/${partition}: the partition was taken back`, {
      context: { topic, partition },
    });
    crew.thread.tell({ kind: 'abort', slot: flight.slot, reason: toPlain(reason) });
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
      case 'returned':
        this.#returns.take(crew, message);
        break;
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

  /** A thread is over: another takes its place, unless there is no use in that. */
  async #ended(crew: Crew, why: Error | undefined): Promise<void> {
    const { thread } = crew;
    const cause = why ?? new Error('it ended by itself');
    await Promise.all([...crew.flights.values()].map(({ chain }) => chain));
    if (this.#crews.get(thread.index) === crew) this.#crews.delete(thread.index);
    const held = this.#returns.lost(crew, cause);
    this.#changed.ring();
    if (this.#isEnding || why === undefined) return;
    if (!crew.isReady) return this.fail(thread.broken ?? why);
    if (held.length === 0 && ++this.#returns.idleDeaths >= this.#settings.maxAttempts)
      return this.fail(
        new KafkaError('TIDE_THREAD', `threads end by themselves, ${this.#returns.idleDeaths} in a row: ${cause.message}`, { cause }),
      );
    const isHang = thread.killedFor !== undefined;
    const what = isHang ? `a handler was not done within ${this.#settings.handlerTimeoutMs} ms (handlerTimeoutMs)` : cause.message;
    this.#host.replaced(thread.index, new KafkaError('TIDE_THREAD', `thread ${thread.index} ended: ${what}`, { cause }));
    this.#start(thread.index);
  }
}

/** Whether nothing of a partition is to be with a thread for now. */
const isRecalled = ({ leaving, paused, stalled, held }: Partition): boolean => leaving || paused || stalled || held;
