import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { OffsetCommit } from '../../src/protocol/index.js';
import type { Message } from '../../src/records/index.js';
import { holdsFor, type ModelRun, type Step, seedOr, stepsOf } from '../support/model.js';
import { stored } from './setting.js';

const partitionIds = [0, 1, 2] as const;

/** What can happen, and how often. */
const kinds = { append: 16, get: 24, loop: 16, batches: 8, mark: 23, commit: 8, seek: 8, rewind: 8, trouble: 8, restart: 3 } as const;
type Kind = keyof typeof kinds;

/** A generator of its own, so that a run can be repeated: mulberry32. */
function dice(seed: number): (sides: number) => number {
  return sides => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * sides);
  };
}

/** What one partition must look like, in the plainest way. */
class Expected {
  position = 0;
  committed: number | undefined;
  /** Offsets that were handed out and not taken back, with whether they are done. */
  handedOut = new Map<number, boolean>();
  readonly log: number[];

  constructor(log: number[]) {
    this.log = log;
  }

  get done(): number {
    for (const [offset, done] of this.handedOut) if (!done) return offset;
    return this.position;
  }

  /** The next message that exists. */
  get next(): number | undefined {
    return this.log.find(offset => offset >= this.position);
  }

  take(offset: number): void {
    assert.equal(offset, this.next, 'the next message of its partition');
    this.handedOut.set(offset, false);
    this.position = offset + 1;
  }

  markAll(): void {
    for (const offset of this.handedOut.keys()) this.handedOut.set(offset, true);
    this.forget();
  }

  mark(offset: number): void {
    if (this.handedOut.has(offset)) this.handedOut.set(offset, true);
    this.forget();
  }

  putBack(): void {
    this.seek(this.done);
  }

  seek(offset: number): void {
    this.position = offset;
    this.handedOut.clear();
  }

  forget(): void {
    for (const [offset, done] of this.handedOut) {
      if (!done) return;
      this.handedOut.delete(offset);
    }
  }
}

class Run implements ModelRun<Step<Kind>> {
  readonly #cluster: EmbeddedCluster;
  readonly #client: KafkaClient;
  #roll = dice(0);
  readonly #marking: 'loop' | 'explicit';
  readonly expected = partitionIds.map(() => new Expected([]));
  #consumer: SimpleConsumer;
  /** The last messages handed out that may still be marked. */
  #hands: Message[] = [];
  /** Some that were taken back. */
  #late: Message[] = [];

  readonly #happened: Record<'handed out' | 'committed' | 'put back' | 'stale' | 'restarted', number>;

  constructor(
    cluster: EmbeddedCluster,
    marking: 'loop' | 'explicit',
    happened: Record<'handed out' | 'committed' | 'put back' | 'stale' | 'restarted', number>,
  ) {
    this.#cluster = cluster;
    this.#client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 1, maxBackoffMs: 2 } });
    this.#happened = happened;
    this.#marking = marking;
    this.#consumer = this.#open();
  }

  async step({ kind, a, b }: Step<Kind>): Promise<void> {
    this.#roll = dice(a * 60 + b);
    const steps: Record<Kind, () => unknown> = {
      append: () => this.#append(),
      get: () => this.#get(),
      loop: () => this.#loop(),
      batches: () => this.#batches(),
      mark: () => this.#mark(),
      commit: () => this.#commit(),
      seek: () => this.#seek(),
      rewind: () => this.#rewind(),
      trouble: () => this.#trouble(),
      restart: () => this.#restart(),
    };
    await steps[kind]();
    this.check();
  }

  check(): void {
    for (const [id, expected] of this.expected.entries()) {
      const position = this.#consumer.position(id);
      if (position === undefined) continue;
      // Behind the last message handed out the position may have passed a gap.
      assert.ok(position >= expected.position && position <= (expected.next ?? Number.POSITIVE_INFINITY), `position ${position} of ${id}`);
      const committed = stored(this.#cluster, 'audit')[id];
      assert.equal(committed, expected.committed, `committed of ${id}`);
    }
  }

  /** Everything there is comes in the end. */
  async finish(): Promise<void> {
    await this.#consumer.pending();
    const count = this.#waiting();
    this.#asked();
    const messages = await this.#consumer.getMessages(Math.max(1, count), { timeoutMs: count > 0 ? null : 5 });
    assert.equal(messages.length, count);
    for (const message of messages) this.#took(message);
    this.check();
  }

  async close(): Promise<void> {
    await this.#client.close({ timeoutMs: 100 }).catch(() => {});
    await this.#cluster.close();
  }

  #open(): SimpleConsumer {
    const options = {
      topic: 'orders',
      groupId: 'audit',
      autoCommit: false,
      marking: this.#marking,
      prefetchBytes: 2000,
      maxPartitionBytes: 500,
    } as const;
    return new SimpleConsumer(this.#client, options);
  }

  #append(): void {
    const id = this.#roll(3);
    const { log } = this.expected[id]!;
    const gap = this.#roll(4) === 0 ? this.#roll(5) : 0;
    const first = this.#cluster.offsets('orders', id).end + gap;
    const records = Array.from({ length: 1 + this.#roll(8) }, (_, i) => ({ value: String(first + i) }));
    this.#cluster.append('orders', id, records, { baseOffset: first });
    for (let i = 0; i < records.length; i++) log.push(first + i);
  }

  #took(message: Message): void {
    assert.equal(String(message.value), String(message.offset));
    this.expected[message.partition]!.take(message.offset);
    this.#happened['handed out'] += 1;
    this.#hands.push(message);
  }

  #asked(): void {
    if (this.#marking === 'loop') for (const expected of this.expected) expected.markAll();
  }

  async #get(): Promise<void> {
    const waiting = this.expected.reduce((sum, { log, position }) => sum + log.filter(offset => offset >= position).length, 0);
    const count = 1 + this.#roll(12);
    this.#asked();
    const messages = await this.#consumer.getMessages(count, waiting >= count ? { timeoutMs: null } : { timeoutMs: 5 });
    assert.ok(messages.length === count || waiting < count);
    for (const message of messages) this.#took(message);
  }

  async #loop(): Promise<void> {
    let left = Math.min(this.#roll(15), this.#waiting());
    if (left === 0) return;
    this.#asked();
    const byAbort = this.#roll(3) === 0;
    const stop = new AbortController();
    for await (const message of this.#consumer.messages({ signal: stop.signal })) {
      this.#asked();
      this.#took(message);
      if (this.#roll(10) === 0) this.#markOne(message);
      if (this.#roll(20) === 0) await this.#commit();
      if (--left > 0) continue;
      if (!byAbort) break;
      stop.abort();
    }
    if (byAbort) this.#asked();
    else if (this.#marking === 'loop') this.#putBack();
  }

  async #batches(): Promise<void> {
    if (this.#waiting() === 0) return;
    this.#asked();
    for await (const batch of this.#consumer.batches()) {
      this.#asked();
      for (const message of batch) this.#took(message);
      assert.equal(batch.count, batch.offsets().length);
      if (this.#roll(3) === 0) {
        this.#consumer.mark(batch);
        for (const offset of batch.offsets()) this.expected[batch.partition]!.mark(offset);
      }
      if (this.#roll(2) === 0 || this.#waiting() === 0) break;
    }
    if (this.#marking === 'loop') this.#putBack();
  }

  #waiting(): number {
    return this.expected.reduce((sum, { log, position }) => sum + log.filter(offset => offset >= position).length, 0);
  }

  #mark(): void {
    const from = this.#roll(3) === 0 ? this.#late : this.#hands;
    const message = from[this.#roll(Math.max(1, from.length))];
    if (message !== undefined) this.#markOne(message);
  }

  #markOne(message: Message): void {
    const expected = this.expected[message.partition]!;
    try {
      this.#consumer.mark(message);
    } catch (error) {
      assert.equal((error as { code: string }).code, 'TIDE_STALE');
      this.#happened.stale += 1;
      return;
    }
    if (this.#hands.includes(message)) expected.mark(message.offset);
  }

  async #commit(): Promise<void> {
    const due = this.expected.map(({ done }) => done);
    await this.#consumer.commit();
    for (const [id, expected] of this.expected.entries()) {
      if (this.#consumer.position(id) === undefined) continue;
      const committed = stored(this.#cluster, 'audit')[id];
      // A gap behind what is done belongs to it.
      const next = expected.log.find(offset => offset >= (due[id] ?? 0)) ?? Number.POSITIVE_INFINITY;
      assert.ok(committed !== undefined && committed >= (due[id] ?? 0) && committed <= next, `${committed} committed, ${due[id]} done`);
      if (committed !== expected.committed) this.#happened.committed += 1;
      expected.committed = committed;
    }
  }

  async #seek(): Promise<void> {
    const id = this.#roll(3);
    const { end } = this.#cluster.offsets('orders', id);
    const target = this.#roll(end + 1);
    await this.#consumer.seek(target, undefined, id);
    this.expected[id]!.seek(target);
    this.#takenBack(this.#hands.filter(({ partition }) => partition === id));
  }

  #rewind(): void {
    this.#consumer.rewind();
    this.#putBack();
  }

  #putBack(): void {
    for (const expected of this.expected) {
      if (expected.done < expected.position) this.#happened['put back'] += 1;
      expected.putBack();
    }
    this.#takenBack(this.#hands);
  }

  #takenBack(messages: readonly Message[]): void {
    this.#hands = this.#hands.filter(message => !messages.includes(message));
    this.#late = [...this.#late, ...messages].slice(-20);
  }

  /** Something goes wrong with one of the next requests. */
  #trouble(): void {
    const cluster = this.#cluster;
    const which = this.#roll(3);
    if (which === 0) cluster.moveLeader('orders', this.#roll(3), 1 + this.#roll(2));
    else if (which === 1) cluster.on(OffsetCommit).failOnce('NOT_COORDINATOR');
  }

  /** As after a crash, or a close: without automatic commits they are the same. */
  async #restart(): Promise<void> {
    const known = this.#consumer.position(0) !== undefined;
    if (this.#marking === 'explicit') this.#consumer.rewind();
    await this.#consumer.close();
    this.#consumer = this.#open();
    this.#hands = [];
    this.#late = [];
    if (!known) return;
    for (const expected of this.expected) expected.seek(expected.committed ?? 0);
    await this.#consumer.pending();
    this.#happened.restarted += 1;
  }
}

for (const marking of ['loop', 'explicit'] as const) {
  test(`whatever is done in whatever order, what comes next and what is committed is what a plain list says (marking: ${marking})`, t => {
    const happened = { 'handed out': 0, committed: 0, 'put back': 0, stale: 0, restarted: 0 };
    return holdsFor(t, {
      variants: fc.constant(marking),
      step: stepsOf(kinds),
      start: async () => new Run(await EmbeddedCluster.start({ brokers: 2, topics: { orders: partitionIds.length } }), marking, happened),
      seed: seedOr(20_259),
      runs: 40,
      leastSteps: 1500,
      happened,
      leastTimes: 10,
    });
  });
}
