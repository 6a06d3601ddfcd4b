import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { type Deferred, deferred } from '../../src/base/wait.js';
import { KafkaClient } from '../../src/client/client.js';
import { type OutOfRange, SimpleConsumer } from '../../src/consumer/index.js';
import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { Metadata, OffsetCommit } from '../../src/protocol/index.js';
import type { Message } from '../../src/records/index.js';
import { stored } from '../consumer/setting.js';
import { holdsFor, type ModelRun, type Step, seedOr, stepsOf } from '../support/model.js';
import { type Due, type Expected, Model, store } from './model.js';

/* Contexts against a model. */
const PARTITIONS = 4;
const RUNS = 500;
const STEPS = 20_000;

/** What can happen, and how often. */
const kinds = {
  ...{ append: 5, get: 8, loop: 3, batches: 2, mark: 8, markMany: 8, markUpTo: 2, begin: 12, commit: 8, rollback: 3, refused: 4, lost: 1 },
  ...{ aborted: 1, misuse: 1, seek: 2, rewind: 1, trim: 2, moveLeader: 1, grow: 1, closeBeside: 1, crash: 1, crashInCommit: 1 },
} as const;
type Kind = keyof typeof kinds;

/** A message, and when it was handed out. */
interface Hand {
  readonly message: Message;
  readonly place: Expected;
  readonly epoch: number;
  readonly lease: number;
}

/** A context that is open. */
interface Open {
  readonly context: OffsetCommitContext;
  readonly onCommitFailure: 'rollback' | 'retry' | 'keep';
  /** With `withOffsets`: what ends the work, and what comes of it. */
  readonly work: { readonly end: Deferred<void>; readonly finished: Promise<unknown> } | undefined;
}

const failure = new Error('the work failed');

/** Whether a context has not ended yet. Asking changes nothing. */
function isOpen(context: OffsetCommitContext): boolean {
  try {
    context.mark([]);
    return true;
  } catch (error) {
    return error instanceof Error && error.message.endsWith('the context is being committed');
  }
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error);

/** How often what matters has happened. */
const happened = {
  committed: 0,
  'rolled back': 0,
  refused: 0,
  'refused in part': 0,
  lost: 0,
  'given up': 0,
  moved: 0,
  closed: 0,
  crashed: 0,
  repeated: 0,
};

class Run implements ModelRun<Step<Kind>> {
  readonly #cluster: EmbeddedCluster;
  readonly #model: Model;
  readonly #clients: KafkaClient[] = [];
  #consumer: SimpleConsumer;
  #open: Open | undefined;
  #hands: Hand[] = [];
  #grown = false;
  /** A read is under way: what the policy moved meanwhile is put in order by the messages. */
  #reading = false;
  #moves: OutOfRange[] = [];
  /** The context that is being ended. What the policy moves once it is over is not for the model before it has ended there too. */
  #ending: OffsetCommitContext | undefined;
  #seenCommits = 0;

  constructor(cluster: EmbeddedCluster, marking: 'loop' | 'explicit') {
    this.#cluster = cluster;
    this.#model = new Model(PARTITIONS, marking);
    cluster.on(Metadata).answer(async (_, proceed) => {
      const answer = await proceed();
      if (this.#grown || answer === undefined) return answer;
      return { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, PARTITIONS - 1) })) };
    }, Number.POSITIVE_INFINITY);
    this.#consumer = this.#start();
  }

  async step({ kind, a, b }: Step<Kind>): Promise<void> {
    const steps: Record<Kind, () => unknown> = {
      append: () => this.#append(a % PARTITIONS, b),
      get: () => this.#get(1 + (a % 15), b),
      loop: () => this.#loop(a % 12, b),
      batches: () => this.#batches(b),
      mark: () => this.#mark(a * 60 + b),
      markMany: () => this.#markMany(1 + (a % 8), b),
      markUpTo: () => this.#markUpTo(a * 60 + b),
      begin: () => (this.#open === undefined ? this.#begin(a, b) : this.#get(1 + (a % 15), b)),
      commit: () => this.#commit(b),
      rollback: () => this.#rollback(),
      refused: () => this.#refused(a, b),
      lost: () => this.#lost(a, b),
      aborted: () => this.#aborted(a, b),
      misuse: () => this.#misuse(),
      seek: () => this.#seek(a % PARTITIONS, b),
      rewind: () => this.#rewind(),
      trim: () => this.#trim(a % PARTITIONS, b),
      moveLeader: () => this.#cluster.moveLeader('orders', a % PARTITIONS, 1 + (b % 2)),
      grow: () => {
        this.#grown = true;
      },
      closeBeside: () => this.#closeBeside(a, b),
      crash: () => this.#crash(),
      crashInCommit: () => this.#crashInCommit(a, b),
    };
    await steps[kind]();
    await this.check();
  }

  /** What holds after every step. */
  async check(): Promise<void> {
    this.#checkCommits();
    const kafka = stored(this.#cluster, 'audit');
    for (const [id, place] of this.#model.places.entries()) {
      assert.equal(kafka[id], place.stored, `committed of ${id}`);
      const position = this.#consumer.position(id);
      if (position === undefined) continue;
      if (!place.placed) place.seek(place.stored ?? 0); // a partition that has appeared
      const next = place.next ?? Number.POSITIVE_INFINITY;
      assert.ok(position >= place.position && position <= next, `position of ${id}: ${position}, expected ${place.position} to ${next}`);
      place.position = position; // behind the last message handed out it may have passed a gap
      if (this.#open !== undefined) {
        assert.equal(this.#open.context.highWaterMark(id), place.touched ? place.highWaterMark : undefined, `high-water mark of ${id}`);
      }
    }
  }

  /** Nothing that is not done is below what was ever sent; called before what a commit or its failure changes. */
  #checkCommits(): void {
    const commits = this.#cluster.requests(OffsetCommit);
    for (const { body } of commits.slice(this.#seenCommits)) {
      for (const { partitionIndex: id, committedOffset: offset } of body.topics.flatMap(({ partitions }) => partitions)) {
        assert.ok(this.#place(id).allows(offset), `${id}:${offset} was sent to be stored, and not all before it is done`);
      }
    }
    this.#seenCommits = commits.length;
  }

  /** Whatever happened: every message that there still is comes in the end, and a last commit says so. */
  async finish(): Promise<void> {
    if (this.#open !== undefined) await this.#rollback();
    this.#grown = true;
    const began = performance.now();
    while (!this.#model.places.every(({ placed, next }) => placed && next === undefined)) {
      assert.ok(performance.now() - began < 20_000, 'not all messages came');
      await this.#get(1000, 1);
      if (this.#model.marking === 'explicit') await this.#markAll();
      await this.check();
    }
    await this.#get(1, 0);
    if (this.#model.marking === 'explicit') await this.#markAll();
    await this.#commit(0);
    await this.check();
    for (const { stored: offset, log } of this.#model.places) assert.ok((offset ?? 0) > (log.at(-1) ?? -1), 'all is committed');
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(client => client.close({ timeoutMs: 1 }).catch(() => {})));
    await this.#cluster.close();
  }

  #place(id: number): Expected {
    return this.#model.places[id] ?? assert.fail(`no partition ${id}`);
  }

  #start(): SimpleConsumer {
    const { brokers } = this.#cluster;
    const client = new KafkaClient({ brokers, retry: { backoffMs: 1, maxBackoffMs: 2 }, metadataMaxAgeMs: 30 });
    const { marking } = this.#model;
    const settings = { prefetchBytes: 2000, maxPartitionBytes: 500, maxWaitMs: 50 };
    const consumer = new SimpleConsumer(client, { topic: 'orders', groupId: 'audit', autoCommit: false, marking, ...settings });
    consumer.on('outOfRange', moved => {
      if (this.#consumer !== consumer) return;
      this.#moves.push(moved);
      if (!this.#reading && (this.#ending === undefined || isOpen(this.#ending))) this.#moveAll();
    });
    this.#clients.push(client);
    this.#hands = [];
    this.#open = undefined;
    this.#ending = undefined;
    this.#model.restart();
    return consumer;
  }

  /** The first read finds where to start. */
  async #prepare(): Promise<void> {
    if (this.#consumer.position(0) !== undefined) return;
    await this.#consumer.pending();
    for (const [id, place] of this.#model.places.entries()) {
      if (this.#consumer.position(id) === undefined) continue;
      place.known = place.stored;
      if (!place.placed) place.seek(place.stored ?? this.#cluster.offsets('orders', id).start);
    }
  }

  #moveAll(): void {
    for (const { partition, requestedOffset, logStartOffset, newOffset } of this.#moves.splice(0)) {
      assert.ok(requestedOffset < logStartOffset, 'only what the log has lost is out of range');
      assert.ok(newOffset !== undefined && newOffset >= logStartOffset, 'the log may lose more meanwhile');
      happened.moved += 1;
      this.#place(partition).seek(newOffset);
    }
  }

  #append(id: number, b: number): void {
    const first = this.#cluster.offsets('orders', id).end + (b % 5 === 0 ? b % 4 : 0);
    const records = Array.from({ length: 1 + (b % 9) }, (_, i) => ({ value: String(first + i) }));
    this.#cluster.append('orders', id, records, { baseOffset: first });
    for (let i = 0; i < records.length; i++) this.#place(id).log.push(first + i);
  }

  /** How many messages will come for certain; 0 while a partition waits to be moved. */
  #certain(): number {
    let count = 0;
    for (const [id, place] of this.#model.places.entries()) {
      const { start } = this.#cluster.offsets('orders', id);
      if (!place.placed || this.#consumer.position(id) === undefined) continue;
      if (place.position < start) return 0;
      count += place.log.filter(offset => offset >= place.position).length;
    }
    return count;
  }

  #took(message: Message): void {
    const { offset, partition } = message;
    assert.equal(String(message.value), String(offset));
    const place = this.#place(partition);
    if (!place.placed) place.seek(place.stored ?? 0);
    const moved = this.#moves.find(move => move.partition === partition);
    if (moved !== undefined && offset >= (moved.newOffset ?? 0)) {
      this.#moves.splice(this.#moves.indexOf(moved), 1);
      place.seek(moved.newOffset ?? 0);
    }
    assert.equal(offset, place.next, `the next message of partition ${partition}`);
    place.take(offset);
    this.#hands.push({ message, place, epoch: place.epoch, lease: place.lease });
  }

  async #read(work: () => Promise<void>): Promise<void> {
    await this.#prepare();
    this.#reading = true;
    try {
      await work();
    } finally {
      this.#reading = false;
      this.#moveAll();
    }
  }

  #get(count: number, b: number): Promise<void> {
    return this.#read(async () => {
      const certain = this.#certain();
      const enough = certain >= count;
      const waits = b % 4 === 0 ? { block: false } : b % 4 === 1 ? { block: 1, timeoutMs: certain > 0 ? 10_000 : 4 } : {};
      this.#model.ask();
      const messages = await this.#consumer.getMessages(count, { timeoutMs: enough ? 10_000 : 4, ...waits });
      assert.ok(messages.length <= count);
      if (b % 4 > 1 && enough) assert.equal(messages.length, count, 'there are enough');
      if (b % 4 === 1 && certain > 0) assert.ok(messages.length > 0, 'there is one');
      for (const message of messages) this.#took(message);
    });
  }

  #loop(count: number, b: number): Promise<void> {
    return this.#read(async () => {
      let left = Math.min(count, this.#certain());
      if (left === 0) return;
      this.#model.ask();
      for await (const message of this.#consumer) {
        this.#model.ask();
        this.#took(message);
        if ((b + left) % 5 === 0) this.#mark(this.#hands.length - 1);
        if (--left === 0) break;
      }
      this.#left();
    });
  }

  #batches(b: number): Promise<void> {
    return this.#read(async () => {
      if (this.#certain() === 0) return;
      let left = b % 3;
      this.#model.ask();
      for await (const batch of this.#consumer.batches()) {
        this.#model.ask();
        for (const message of batch) this.#took(message);
        if (b % 2 === 0) {
          if (this.#open === undefined) this.#consumer.mark(batch);
          else this.#open.context.mark(batch);
          this.#place(batch.partition).mark(batch.firstOffset, batch.lastOffset);
        }
        if (left-- === 0 || this.#certain() === 0) break;
      }
      this.#left();
    });
  }

  /** A loop was left: outside a context what is not done goes back. */
  #left(): void {
    if (this.#open === undefined && this.#model.marking === 'loop') this.#model.putBack();
  }

  #mark(choice: number): void {
    const hand = this.#hands[choice % Math.max(1, this.#hands.length)];
    if (hand === undefined) return;
    const { message, place, epoch, lease } = hand;
    const { offset, partition } = message;
    const counts = lease === place.lease || (epoch === place.epoch && offset < place.done);
    const by = this.#open?.context ?? this.#consumer;
    if (!counts) assert.throws(() => by.mark(message), { code: 'TIDE_STALE' });
    else if (choice % 3 === 0 && lease === place.lease) by.mark(partition, offset);
    else by.mark(message);
    if (lease === place.lease && offset >= place.done) place.mark(offset, offset);
  }

  #markMany(count: number, b: number): void {
    for (let i = 0; i < count; i++) this.#mark(Math.max(0, this.#hands.length - 1 - ((b + i * 7) % (count + 3))));
  }

  #markUpTo(choice: number): void {
    const hand = this.#hands[choice % Math.max(1, this.#hands.length)];
    if (hand === undefined || hand.lease !== hand.place.lease) return;
    const { message, place } = hand;
    const by = this.#open?.context ?? this.#consumer;
    if (choice % 2 === 0) by.markUpTo(message);
    else by.markUpTo(message.partition, message.offset);
    if (message.offset >= place.done) place.mark(0, message.offset);
  }

  #markAll(): void {
    for (let i = 0; i < this.#hands.length; i++) this.#mark(i);
    this.#hands = [];
  }

  /** A context is open in which there is something to commit, of two partitions if that can be. */
  async #busy(a: number, b: number, isHasty = false): Promise<Open> {
    if (isHasty) await this.#rollback();
    if (this.#open === undefined) await this.#begin(a, b, isHasty);
    if (this.#model.due.size < 2) {
      for (const id of [a, a + 1]) this.#append(id % (PARTITIONS - 1), b);
      await this.#get(15, 2);
      await this.check(); // takes over what the position has passed
      for (let i = 1; i <= 15; i++) this.#mark(Math.max(0, this.#hands.length - i));
    }
    return this.#open ?? assert.fail();
  }

  async #begin(a: number, b: number, isHasty = false): Promise<void> {
    if (this.#model.marking === 'explicit' && this.#model.places.some(({ placed, done, position }) => placed && done < position)) {
      assert.throws(() => OffsetCommitContext.begin(this.#consumer), { code: 'TIDE_STATE' });
      this.#rewind();
    }
    const onCommitFailure = (['rollback', 'rollback', 'retry', 'keep'] as const)[a % 4] ?? 'rollback';
    const options = { onCommitFailure, ...(isHasty ? { commitTimeoutMs: 20 } : {}) };
    this.#model.begin();
    if (b % 2 === 0) {
      this.#open = { context: OffsetCommitContext.begin(this.#consumer, options), onCommitFailure, work: undefined };
    } else {
      const end = deferred();
      let context: OffsetCommitContext | undefined;
      const finished = withOffsets(
        this.#consumer,
        given => {
          context = given;
          return end.promise;
        },
        options,
      );
      finished.catch(() => {});
      this.#open = { context: context ?? assert.fail('work was not called'), onCommitFailure, work: { end, finished } };
    }
    assert.equal(this.#open.context.attempt, this.#model.attempt, 'attempt');
    if (this.#model.attempt > 1) happened.repeated += 1;
  }

  /** The context is over, and the model hears of it; what the policy has moved since comes after that. */
  #end(...how: Parameters<Model['end']>): void {
    this.#model.end(...how);
    this.#ending = undefined;
    this.#moveAll();
  }

  /** Commits the context that is open; gives why it failed, and whether something was stored, where that is told. */
  async #ended({ context, work }: Open, signal?: AbortSignal): Promise<{ error: unknown; isStored: boolean | undefined }> {
    this.#ending = context;
    const committing = work === undefined || signal !== undefined ? context.commit({ signal }) : undefined;
    if (committing === undefined) work?.end.resolve();
    const ended = await (committing ?? work?.finished ?? assert.fail()).then(
      result => ({ error: undefined, isStored: result === undefined ? undefined : Boolean(result) }),
      (error: unknown) => ({ error, isStored: undefined }),
    );
    if (work !== undefined && signal !== undefined) work.end.reject(failure); // its rollback has nothing left to do
    this.#checkCommits();
    this.#open = undefined;
    return ended;
  }

  /** Commits the open context, or without one what is done. Trouble that passes changes nothing. */
  async #commit(b: number): Promise<void> {
    const open = this.#open;
    const { places } = this.#model;
    const isNew = ({ placed, unsure, done, known }: Expected) => placed && (unsure || done !== known);
    const byHand = () =>
      new Map(places.filter(isNew).map(place => [place, { offset: place.done, epoch: place.epoch, doubts: place.doubts }]));
    const due = open === undefined ? byHand() : this.#model.due;
    const isDue = due.size > 0;
    if (isDue && b % 6 === 0) this.#cluster.on(OffsetCommit).failOnce('NOT_COORDINATOR');
    if (isDue && b % 6 === 1) this.#cluster.on(OffsetCommit).dropAnswer(1);
    if (open === undefined) {
      assert.equal(await this.#consumer.commit(), isDue);
      store(due, true);
      return;
    }
    const before = this.#cluster.requests(OffsetCommit).length;
    const { error, isStored } = await this.#ended(open);
    const isSent = this.#cluster.requests(OffsetCommit).length > before;
    const sent = isSent ? this.#sentAgain(due, new Map()) : new Map<Expected, Due>();
    for (const [place, { epoch }] of isSent ? [] : due) assert.notEqual(place.epoch, epoch, 'the policy has moved it before');
    assert.equal(error, undefined);
    assert.equal(isStored ?? sent.size > 0, sent.size > 0);
    happened.committed += 1;
    store(sent, true);
    this.#end(false, () => true);
  }

  async #rollback(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#ending = open.context;
    happened['rolled back'] += 1;
    if (open.work === undefined) {
      await open.context[Symbol.asyncDispose]();
    } else {
      open.work.end.reject(failure);
      await assert.rejects(open.work.finished, failure);
    }
    this.#end(true, () => false);
  }

  /** Kafka refuses the commit, or one partition of it. */
  async #refused(a: number, b: number): Promise<void> {
    const open = await this.#busy(a, b);
    const { due } = this.#model;
    if (due.size === 0) return;
    const one = b % 3 === 0 ? undefined : [...due.keys()][a % due.size];
    const on = one === undefined ? this.#cluster.on(OffsetCommit) : this.#cluster.on(OffsetCommit, { partition: this.#idOf(one) });
    on.failOnce('OFFSET_METADATA_TOO_LARGE');
    const taken = new Map([...due].filter(([place]) => one !== undefined && place !== one));
    const { error, isStored } = await this.#ended(open);
    happened[taken.size > 0 ? 'refused in part' : 'refused'] += 1;
    store(taken, true);
    for (const place of due.keys()) if (!taken.has(place)) place.known = undefined;
    switch (open.onCommitFailure) {
      case 'rollback':
        assert.equal(codeOf(error), 'OFFSET_METADATA_TOO_LARGE');
        return this.#end(true, place => taken.has(place));
      case 'retry':
        assert.equal(error, undefined);
        store(this.#sentAgain(due, taken), true);
        return this.#end(false, () => true);
      case 'keep':
        assert.equal(error, undefined);
        assert.notEqual(isStored, true);
        return this.#end(false, () => true, true);
      default:
        return open.onCommitFailure satisfies never;
    }
  }

  /** What the last commit has stored: all that was due and is not `taken` already, but what the policy has moved in between. */
  #sentAgain(due: ReadonlyMap<Expected, Due>, taken: ReadonlyMap<Expected, Due>): Map<Expected, Due> {
    const { topics = [] } = this.#cluster.requests(OffsetCommit).at(-1)?.body ?? {};
    const sent = new Map<Expected, Due>();
    for (const { partitionIndex, committedOffset: offset } of topics.flatMap(({ partitions }) => partitions)) {
      const place = this.#place(partitionIndex);
      const before = due.get(place);
      sent.set(place, before?.offset === offset ? before : { offset, epoch: place.epoch, doubts: place.doubts });
    }
    for (const [place, { offset, epoch }] of due) {
      const isDue = !taken.has(place) && place.epoch === epoch;
      if (isDue) assert.equal(sent.get(place)?.offset, offset, 'it is sent again');
    }
    return sent;
  }

  #idOf(place: Expected): number {
    return this.#model.places.indexOf(place);
  }

  /** No answer comes, whether it was stored or not, until the time is over. */
  async #lost(a: number, b: number): Promise<void> {
    const open = await this.#busy(2 * (a % 2) + 1, b, true); // whoever tries again without end is not for this
    const { due } = this.#model;
    if (due.size === 0) return this.#rollback();
    const arrives = b % 3 > 0;
    const before = this.#seenCommits;
    let losing = true;
    const hold = arrives ? this.#cluster.on(OffsetCommit, () => losing).hold() : undefined;
    const gate = deferred();
    if (!arrives) this.#cluster.on(OffsetCommit, () => losing).answer(() => gate.promise.then(() => undefined), Number.POSITIVE_INFINITY);
    const { error } = await this.#ended(open);
    // It was given up at the end of its time, and may be on its way still.
    for (let seen = -1; seen !== this.#cluster.requests(OffsetCommit).length; await delay(5)) {
      seen = this.#cluster.requests(OffsetCommit).length;
    }
    this.#checkCommits();
    losing = false;
    hold?.release();
    gate.resolve();
    const isSent = this.#seenCommits > before; // on a machine that is busy its time may be over before
    happened.lost += isSent ? 1 : 0;
    if (arrives && isSent) store(due, false);
    for (const place of due.keys()) place.known = undefined;
    if (open.onCommitFailure === 'keep') {
      assert.equal(error, undefined);
      return this.#end(false, () => true, true);
    }
    const { persistence } = error as { persistence?: string };
    if (isSent) assert.equal(persistence, 'maybe', String(error));
    this.#end(true, () => false, persistence !== 'no');
  }

  /** Whoever commits gives up while the answer is on its way. */
  async #aborted(a: number, b: number): Promise<void> {
    const open = await this.#busy(a, b);
    const { due } = this.#model;
    if (due.size === 0) return;
    const { held, release } = this.#cluster.on(OffsetCommit).hold();
    const stop = new AbortController();
    const ended = this.#ended(open, stop.signal);
    await held;
    stop.abort(failure);
    release(); // the answer and the end come in any order
    assert.equal((await ended).error, failure);
    happened['given up'] += 1;
    store(due, false);
    this.#end(true, () => false, true);
  }

  /** What is refused changes nothing. */
  async #misuse(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const { context } = open;
    const refused = { code: 'TIDE_STATE', message: /commit context/ };
    const [last] = this.#hands.slice(-1);
    if (last !== undefined) assert.throws(() => this.#consumer.mark(last.message), refused);
    assert.throws(() => this.#consumer.rewind(), refused);
    await assert.rejects(this.#consumer.seek(0), refused);
    await assert.rejects(this.#consumer.commit(), refused);
    assert.throws(() => OffsetCommitContext.begin(this.#consumer), refused);
    assert.throws(() => context.mark(PARTITIONS, 0), { code: 'TIDE_NOT_OWNED' });
    const position = this.#consumer.position(0);
    if (position !== undefined) assert.throws(() => context.mark(0, position), { code: 'TIDE_INPUT' });
    if (position !== undefined) assert.throws(() => context.markUpTo(0, position + 7), { code: 'TIDE_INPUT' });
  }

  async #seek(id: number, b: number): Promise<void> {
    if (this.#open !== undefined) return this.#mark(b);
    await this.#prepare();
    if (this.#consumer.position(id) === undefined) return;
    const target = b % (this.#cluster.offsets('orders', id).end + 1);
    await this.#consumer.seek(target, undefined, id);
    this.#place(id).seek(target);
  }

  #rewind(): void {
    if (this.#open !== undefined) return;
    this.#consumer.rewind();
    this.#model.putBack();
  }

  /** Retention takes what is old: what was handed out and is not done as well, at times. */
  #trim(id: number, b: number): void {
    const { start, end } = this.#cluster.offsets('orders', id);
    if (this.#consumer.position(id) !== undefined) this.#cluster.trim('orders', id, Math.min(end, start + (b % 20)));
  }

  /** The context ends while its consumer is being closed, or after that. */
  async #closeBeside(a: number, b: number): Promise<void> {
    const open = await this.#busy(a, b);
    if (open.work !== undefined) return;
    const late = b % 3 === 0;
    happened.closed += 1;
    const closing = this.#consumer.close(late ? { timeoutMs: 1 } : {});
    closing.catch(() => {});
    await assert.rejects(this.#consumer.getMessages(1), { code: 'TIDE_CLOSED' });
    const { due } = this.#model;
    if (late) {
      await assert.rejects(closing, { code: 'TIDE_TIMEOUT' });
      await assert.rejects(open.context.commit(), { code: 'TIDE_CLOSED' });
      await open.context.rollback();
    } else if (b % 3 === 1) {
      assert.equal(await open.context.commit(), due.size > 0);
      this.#checkCommits();
      store(due, true);
      await closing;
    } else {
      await open.context.rollback();
      await closing;
    }
    this.#consumer = this.#start();
  }

  /** The process is gone: nothing is closed, and another one starts. */
  #crash(): void {
    this.#consumer = this.#start();
  }

  /** As {@link #crash}, when the commit has reached Kafka and its answer has not come back. */
  async #crashInCommit(a: number, b: number): Promise<void> {
    const open = await this.#busy(a, b);
    const { due } = this.#model;
    if (due.size === 0) return this.#crash();
    const { held, release } = this.#cluster.on(OffsetCommit).hold();
    open.context.commit().catch(() => {});
    open.work?.finished.catch(() => {});
    await held;
    while (JSON.stringify(this.#expectedStored(due)) !== JSON.stringify(stored(this.#cluster, 'audit'))) {
      await new Promise(setImmediate);
    }
    this.#checkCommits();
    store(due, false);
    happened.crashed += 1;
    this.#crash();
    release();
  }

  #expectedStored(due: ReadonlyMap<Expected, Due>): Record<number, number | undefined> {
    return Object.fromEntries(
      this.#model.places
        .map((place, id) => [id, due.get(place)?.offset ?? place.stored] as const)
        .filter(([, offset]) => offset !== undefined),
    );
  }
}

test('whatever happens around contexts, what comes next and what is committed is what plain lists say', { timeout: 600_000 }, t =>
  holdsFor(t, {
    variants: fc.constantFrom('loop' as const, 'loop' as const, 'explicit' as const),
    step: stepsOf(kinds),
    start: async marking => new Run(await EmbeddedCluster.start({ brokers: 2, topics: { orders: PARTITIONS } }), marking),
    seed: seedOr(20_260),
    runs: RUNS,
    leastSteps: STEPS,
    happened,
  }),
);
