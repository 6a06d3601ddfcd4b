import { type Clock, turn } from '../../base/clock.js';
import { asError, DeserializationError, InputError } from '../../base/errors.js';
import { Bell, isThenable } from '../../base/wait.js';
import type { Markable } from '../../consumer/marking.js';
import { type AnyBatch, MessageBatch, type Records } from '../../consumer/message-batch.js';
import type { AnyMessage, RecordBatch } from '../../records/index.js';
import type { InHand } from '../in-hand.js';
import { fromPlain, type PlainError, toPlain } from '../plain-error.js';
import type { Failure, PlainRecord, Result, Returned, ShareOrder, ThreadTask } from '../thread-messages.js';
import { Context, type ContextKit, markIn } from './call-context.js';
import type { HandlerModule } from './handler-module.js';
import { Made } from './made.js';
import { type Begun, Prefix } from './prefix.js';
import { plainMessage } from './sends.js';
import { batchesOf, cursorOf, messageIn } from './share-batches.js';
import type { Slots } from './slots.js';

/** What all shares of a thread have in common. */
export interface ThreadKit extends ContextKit {
  readonly clock: Clock;
  readonly task: Pick<ThreadTask, 'ordering' | 'marking' | 'maxDecompressedBytes' | 'leavesNoHoles' | 'wantsResults' | 'concurrency'>;
  readonly module: HandlerModule;
  readonly inHand: InHand;
  readonly slots: Slots;
  /** Takes results to the main thread; what it gives resolves when there is room for more. */
  results(slot: number, results: readonly Result[], done: number, count: number): Promise<void> | undefined;
}

/** Work goes on for so many ms before timers and ports get a turn. */
const sliceMs = 8;

/** One share in a thread: its messages are read and given to the handler, as their order allows, until all are done or it is asked back. */
export class ShareRun {
  readonly #kit: ThreadKit;
  readonly #order: ShareOrder;
  readonly #prefix: Prefix;
  readonly #stop = new AbortController();
  readonly #attempts: ReadonlyMap<number, number>;
  readonly #finished: ReadonlySet<number>;
  readonly #failures: Failure[] = [];
  /** Rung when something of it has come to an end. */
  readonly #ended = new Bell();
  /** By key, what has to end before the next message with it may begin. */
  readonly #tails = new Map<string, Promise<void>>();
  /** Messages that wait for their key or for a place, or run. */
  #admitted = 0;
  /** Nothing more is begun. */
  #isHalted = false;
  /** Something was tried in vain, or is for nobody any more. */
  #isBroken = false;
  #crowded: Promise<void> | undefined;
  /** Where a result could not be given. */
  #refusedAt: { readonly done: number; readonly count: number } | undefined;
  #sliceEnd: number;
  readonly #sizeBytes: number;

  constructor(kit: ThreadKit, order: ShareOrder) {
    this.#kit = kit;
    this.#order = order;
    this.#sizeBytes = order.records.byteLength;
    this.#attempts = new Map(order.attempts);
    this.#finished = new Set(order.finished);
    this.#sliceEnd = kit.clock.now() + sliceMs;
    this.#prefix = new Prefix(order.from, results => this.#give(results));
  }

  /** What runs of it is for nobody any more. */
  abort(reason: PlainError): void {
    this.#isHalted = true;
    this.#isBroken = true;
    this.#stop.abort(fromPlain(reason));
    this.#ended.ring();
  }

  /** Resolves when nothing of it runs. Never rejects: what went wrong is part of what it gives. */
  async run(): Promise<Returned> {
    const { slot, nextOffset, records, show } = this.#order;
    let damaged: PlainError | undefined;
    let shown: PlainRecord | undefined;
    const reader = batchesOf(this.#order, this.#kit.task.maxDecompressedBytes);
    for (;;) {
      let batch: RecordBatch | undefined;
      try {
        batch = reader();
        await batch?.openInTurns(() => turn(this.#kit.clock));
      } catch (error) {
        damaged = toPlain(error);
        break;
      }
      if (batch === undefined) {
        await this.#idle();
        if (!this.#isHalted && show === undefined) this.#prefix.reach(nextOffset);
        break;
      }
      batch.seek(this.#order.from);
      if (show !== undefined) {
        const found = messageIn(batch, show);
        if (found === undefined) continue;
        shown = plainMessage(found);
        break;
      }
      await (this.#kit.module.handleBatch === undefined ? this.#each(batch) : this.#whole(batch));
      if (this.#isHalted) break;
      if (this.#prefix.isWhole) this.#prefix.reach(batch.nextOffset);
    }
    await this.#idle();
    const { done, count } = this.#refusedAt ?? this.#prefix;
    // Where results are wanted, what was done behind a hole has still to give its own: it comes again.
    const finished = this.#refusedAt === undefined && !this.#kit.task.wantsResults ? this.#prefix.finished : [];
    const isWhole = done >= nextOffset && damaged === undefined;
    const isTakenAway = records.byteLength !== this.#sizeBytes; // a handler has handed the memory of its messages over
    return {
      kind: 'returned',
      ...{ slot, done, count, finished, damaged, shown },
      records: isWhole || isTakenAway ? undefined : records,
      failures: this.#failures,
    };
  }

  async #each(batch: RecordBatch): Promise<void> {
    const { task, slots } = this.#kit;
    const isAlone = this.#isAlone(batch);
    if (isAlone) this.#passGivenUp(batch);
    const made = new Made(batch, this.#kit.module, isAlone);
    for (let first = batch.baseOffset; ; ) {
      if (this.#asksBack()) return;
      let message: AnyMessage | undefined;
      try {
        const next = made.isMaking ? this.#making(batch, first, isAlone, () => made.next()) : made.next();
        message = isThenable(next) ? await next : next;
      } catch (error) {
        if (this.#passes(batch, error)) continue;
        return;
      }
      if (message === undefined) return;
      first = message.offset + 1;
      if (this.#asksBack()) return;
      if (this.#finished.has(message.offset)) {
        this.#prefix.finish(this.#prefix.begin(message.offset));
        continue;
      }
      if (task.ordering === 'partition') {
        if (!slots.tryTake()) await slots.take();
        const running = this.#handle(message);
        if (running !== undefined) await running;
        slots.free();
      } else {
        await this.#room();
        if (this.#asksBack()) return;
        this.#admit(message);
      }
      if (message.offset <= this.#order.aloneUpTo) {
        await this.#idle();
        this.#isHalted = true;
        return;
      }
      if (this.#crowded !== undefined) await this.#breatheOut();
      if (this.#kit.clock.now() >= this.#sliceEnd) await this.#breathe();
    }
  }

  #isAlone(batch: RecordBatch): boolean {
    return batch.remaining > 0 && cursorOf(batch) <= this.#order.aloneUpTo;
  }

  /** What was given up is not even made again: that may be what ended its thread. */
  #passGivenUp(batch: RecordBatch): void {
    for (; batch.remaining > 0 && this.#finished.has(cursorOf(batch)); batch.seek(cursorOf(batch) + 1))
      this.#prefix.finish(this.#prefix.begin(cursorOf(batch)));
  }

  /** What deserialisers make is in hand, from offset `first` on: they may end their thread, or not come to an end, as a handler may. */
  #making<T>(batch: RecordBatch, first: number, isAlone: boolean, make: () => T | Promise<T>): T | Promise<T> {
    const { inHand } = this.#kit;
    const from = isAlone && batch.remaining > 0 ? cursorOf(batch) : Math.max(first, this.#order.from);
    const hand = inHand.take(this.#order.slot, from, isAlone ? from : batch.lastOffset);
    let made: T | Promise<T> | undefined;
    try {
      made = make();
    } finally {
      if (!isThenable(made)) inHand.put(hand);
    }
    return isThenable(made) ? made.finally(() => inHand.put(hand)) : (made as T);
  }

  /** A message could not be made: true when it was given up before, and is passed over. */
  #passes(batch: RecordBatch, error: unknown): boolean {
    const offset = error instanceof DeserializationError ? Number(error.context['offset']) : this.#prefix.done;
    if (this.#finished.has(offset)) {
      this.#prefix.finish(this.#prefix.begin(offset));
      batch.seek(offset + 1);
      return true;
    }
    this.#failed(offset, offset, error);
    return false;
  }

  /** Begins a message as soon as the one before with its key has ended, and there is a place. */
  #admit(message: AnyMessage): void {
    const { task, slots } = this.#kit;
    const begun = this.#prefix.begin(message.offset);
    const key = task.ordering === 'key' ? message.keyBytes?.toString('latin1') : undefined;
    const before = key === undefined ? undefined : this.#tails.get(key);
    this.#admitted += 1;
    const work = async (): Promise<void> => {
      await before;
      await slots.take();
      if (!this.#asksBack() || (task.leavesNoHoles && !this.#isBroken)) await this.#handle(message, begun);
      slots.free();
      this.#admitted -= 1;
    };
    const running = work().then(() => {
      if (key !== undefined && this.#tails.get(key) === running) this.#tails.delete(key);
      this.#ended.ring();
    });
    if (key !== undefined) this.#tails.set(key, running);
  }

  /** Waits until another message may be admitted: some wait for their keys while others run. */
  async #room(): Promise<void> {
    while (this.#admitted >= 4 * this.#kit.task.concurrency && !this.#isHalted) await this.#ended.wait();
  }

  /** Gives one message to the handler; undefined when it has ended already. Never rejects. */
  #handle(message: AnyMessage, begun?: Begun): Promise<void> | undefined {
    const { inHand, module, task } = this.#kit;
    const { slot } = this.#order;
    const context = this.#contextOf(message.offset, message.offset);
    const entry = begun === undefined && !task.wantsResults ? undefined : (begun ?? this.#prefix.begin(message.offset));
    const hand = inHand.take(slot, message.offset, message.offset);
    let made: unknown;
    try {
      made = module.handle?.(message, context);
    } catch (error) {
      context.end();
      inHand.put(hand);
      this.#failed(message.offset, message.offset, error);
      return undefined;
    }
    if (isThenable(made) || context.hasSent) return this.#later(message, made, context, hand, entry);
    inHand.put(hand);
    this.#handled(message.offset, made, context, entry);
    return undefined;
  }

  async #later(message: AnyMessage, made: unknown, context: Context, hand: number, entry: Begun | undefined): Promise<void> {
    try {
      const value = await made;
      await context.sent();
      this.#handled(message.offset, value, context, entry);
    } catch (error) {
      this.#failed(message.offset, message.offset, error);
    } finally {
      context.end();
      this.#kit.inHand.put(hand);
    }
  }

  #attemptOf(offset: number): number {
    const { aloneUpTo, aloneAttempt } = this.#order;
    return this.#attempts.get(offset) ?? (offset <= aloneUpTo ? aloneAttempt : 1);
  }

  #contextOf(first: number, last: number): Context {
    const { topic, partition } = this.#order;
    return new Context({ topic, partition, first, last, attempt: this.#attemptOf(first), signal: this.#stop.signal }, this.#kit);
  }

  /** The handler has returned. With `marking: 'explicit'` what it has not marked comes again. */
  #handled(offset: number, value: unknown, context: Context, entry: Begun | undefined): void {
    const { marking, wantsResults } = this.#kit.task;
    context.end();
    if (marking === 'explicit' && !context.hasMarked(offset)) {
      this.#isHalted = true;
      return;
    }
    if (entry === undefined) this.#prefix.pass(offset);
    else this.#prefix.finish(entry, wantsResults ? { offset, last: offset, attempt: context.attempt, value } : undefined);
    this.#progress();
  }

  /** Takes results, of so many messages each, to the main thread. One that cannot cross is a failure: what was done from there on is not. */
  #give(results: readonly Result[], countEach = 1): void {
    if (this.#refusedAt !== undefined) return;
    const { done, count } = this.#prefix;
    for (const [i, result] of results.entries()) {
      const next = results[i + 1]?.offset ?? done;
      try {
        this.#crowded = this.#kit.results(this.#order.slot, [result], next, count - (results.length - 1 - i) * countEach) ?? this.#crowded;
      } catch (error) {
        this.#refusedAt = { done: result.offset, count: count - (results.length - i) * countEach };
        this.#failed(result.offset, result.last, cannotCross(this.#order, result.offset, error));
        return;
      }
    }
  }

  #failed(first: number, last: number, error: unknown): void {
    this.#isHalted = true;
    this.#isBroken = true;
    if (this.#stop.signal.aborted) return; // nobody asked for it any more
    this.#failures.push({ offset: first, last, error: toPlain(error) });
    this.#ended.ring();
  }

  #progress(): void {
    if (!this.#kit.task.wantsResults) this.#kit.inHand.progress(this.#order.slot, this.#prefix.done, this.#prefix.count);
  }

  /** All messages of a batch together, or one alone where one of them may end the thread. */
  async #whole(records: RecordBatch): Promise<void> {
    const { module, inHand, slots, task } = this.#kit;
    for (; records.remaining > 0 && !this.#asksBack(); await this.#breathe()) {
      const first = cursorOf(records);
      if (this.#finished.has(first)) {
        this.#prefix.passTo(first + 1, 1);
        records.seek(first + 1);
        continue;
      }
      const isAlone = first <= this.#order.aloneUpTo;
      let made: Records | undefined;
      try {
        const making = new Made(records, module, isAlone);
        const make = () => (isAlone ? making.one() : making.rest());
        made = await (making.isMaking ? this.#making(records, first, isAlone, make) : making.rest());
      } catch (error) {
        if (this.#passes(records, error)) continue;
        return;
      }
      if (made === undefined) return;
      const marker = { mark: (given: Markable, upTo: boolean) => markIn(batch, context, given, upTo) };
      const batch: AnyBatch = new MessageBatch(made, this.#order.highWatermark, marker, isAlone ? 1 : undefined);
      const context = this.#contextOf(batch.firstOffset, batch.lastOffset);
      await slots.take();
      const hand = inHand.take(this.#order.slot, batch.firstOffset, batch.lastOffset);
      try {
        const value = await module.handleBatch?.(batch, context);
        await context.sent();
        context.end();
        const offsets = batch.offsets();
        const hole = task.marking === 'loop' ? -1 : offsets.findIndex(offset => !context.hasMarked(offset));
        const doneCount = hole < 0 ? offsets.length : hole;
        this.#prefix.passTo(hole < 0 ? batch.lastOffset + 1 : (offsets[hole] ?? first), doneCount);
        if (task.wantsResults) {
          this.#give([{ offset: batch.firstOffset, last: batch.lastOffset, attempt: context.attempt, value }], doneCount);
        }
        this.#progress();
        if (hole >= 0 || isAlone) this.#isHalted = true;
      } catch (error) {
        this.#failed(batch.firstOffset, batch.lastOffset, error);
      } finally {
        context.end();
        inHand.put(hand);
        slots.free();
      }
      if (this.#isHalted) return;
      records.seek(batch.lastOffset + 1);
      if (this.#crowded !== undefined) await this.#breatheOut();
    }
  }

  #asksBack(): boolean {
    if (!this.#isHalted && this.#kit.inHand.isRecalled(this.#order.slot)) this.#isHalted = true;
    return this.#isHalted;
  }

  /** Waits until nothing runs. */
  async #idle(): Promise<void> {
    while (this.#admitted > 0) await this.#ended.wait();
  }

  async #breatheOut(): Promise<void> {
    await this.#crowded;
    this.#crowded = undefined;
  }

  /** Timers and ports have their turn. */
  async #breathe(): Promise<void> {
    await turn(this.#kit.clock);
    this.#sliceEnd = this.#kit.clock.now() + sliceMs;
  }
}

function cannotCross({ topic, partition }: ShareOrder, offset: number, cause: unknown): InputError {
  const what = `${topic}/${partition} offset ${offset}: what the handler gave cannot be handed to onResult`;
  return new InputError(`${what}: ${asError(cause).message}; expected plain data`, { cause, context: { topic, partition, offset } });
}
