import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import type { ForPartition } from '../../src/cluster/scatter.js';
import type { MessageBatch } from '../../src/consumer/index.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import type { OffsetCommitContext } from '../../src/context/index.js';
import { Message } from '../../src/records/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { GROUP, type Ledger, type Tenure, type Who } from './group-ledger.js';

/** A message, and when it was handed out. */
export interface Hand {
  readonly message: Message;
  readonly tenure: Tenure;
  readonly epoch: number;
  readonly lease: number;
}

/** A loop that is open. */
export interface Reading {
  readonly items: AsyncIterator<Message | MessageBatch>;
  readonly stop: AbortController;
}

/** So long what is in hand may take. */
export const LONG_MS = 30_000;

/** What a read, or a commit, may fail with: the group has gone on, or the faults have said so. */
const expected = new Set([
  ...['TIDE_PARTITION_LOST', 'TIDE_CONSUMER_TIMEOUT', 'REBALANCE_IN_PROGRESS', 'STALE_MEMBER_EPOCH', 'NOT_COORDINATOR'],
  ...['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'FENCED_INSTANCE_ID', 'OFFSET_METADATA_TOO_LARGE', 'TIDE_CONNECTION'],
  ...['UNRELEASED_INSTANCE_ID', 'ILLEGAL_GENERATION'],
]);

/** One consumer of the group on a client of its own, what it has in hand, and what it is busy with. */
export class Member implements Who {
  readonly name: string;
  readonly client: KafkaClient;
  readonly consumer: KafkaConsumer;
  readonly instanceId: string | undefined;
  readonly isExplicit: boolean;
  readonly isAutomatic: boolean;
  readonly #ledger: Ledger;
  readonly #failed: (error: unknown) => void;
  /** What it reads now. */
  readonly tenures = new Map<string, Tenure>();
  /** What it read before: the last time of each. */
  readonly former = new Map<string, Tenure>();
  /** Whether it has asked for a topic. */
  wants = (topic: string): boolean => topic !== 'more';
  hands: Hand[] = [];
  loop: Reading | undefined;
  context: OffsetCommitContext | undefined;
  /** It is being ended. */
  isEnding = false;
  /** A read that has not come back. */
  reading: { readonly what: string; readonly ended: Promise<void> } | undefined;
  /** Everything that has not come back. */
  readonly calls = new Set<Promise<void>>();
  /** An automatic commit failed since partitions were given up last. */
  #couldNotCommit = false;
  /** What is in hand is not waited for when a partition is taken away. */
  readonly #isHasty: boolean;
  state: 'open' | 'closing' | 'closed' = 'open';
  readonly #count: (what: string) => void;

  constructor(
    name: string,
    ledger: Ledger,
    options: KafkaConsumerOptions,
    count: (what: string) => void,
    failed: (error: unknown) => void,
  ) {
    this.name = name;
    this.#ledger = ledger;
    this.#failed = failed;
    this.#count = count;
    this.instanceId = options.groupInstanceId;
    this.isExplicit = options.marking === 'explicit';
    this.isAutomatic = options.autoCommit !== false;
    this.#isHasty = (options.revokeDrainMs ?? LONG_MS) < LONG_MS;
    const { brokers } = ledger.cluster;
    this.client = new KafkaClient({ brokers, clientId: name, retry: { backoffMs: 1, maxBackoffMs: 5 }, metadataMaxAgeMs: 50 });
    const given: KafkaConsumerOptions = {
      ...{ groupId: GROUP, heartbeatMs: 10, sessionTimeoutMs: 6000, consumerTimeoutMs: 20, maxWaitMs: 20 },
      ...{ prefetchBytes: 2000, maxPartitionBytes: 500 },
      onAssign: partitions => this.#held(() => this.#assigned(partitions)),
      onRevoke: partitions => this.#held(() => this.#revoking(partitions)),
      onLost: partitions => this.#held(() => this.#told(partitions, 'lost')),
      ...options,
    };
    this.consumer = new KafkaConsumer(this.client, protocolOptions(given));
    this.consumer.on('assigned', ({ partitions }) => this.#held(() => this.#given(partitions)));
    this.consumer.on('revoked', ({ partitions }) => this.#held(() => this.#end(partitions, 'revoked')));
    this.consumer.on('lost', ({ partitions }) => this.#held(() => this.#end(partitions, 'lost')));
    this.consumer.on('commitFailed', ({ error }) => {
      this.#couldNotCommit = true;
      this.#ledger.note(`${this.name} could not commit: ${String(error)}`);
      this.#held(() => this.assertExpected(error, 'an automatic commit'));
    });
  }

  /** What fails in a callback, or a listener, is a failure of the model, and no affair of the consumer's. */
  #held<T>(work: () => T): T | undefined {
    try {
      const result = work();
      if (result instanceof Promise) result.catch(this.#failed);
      return result;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #given(partitions: readonly ForPartition[]): void {
    this.#ledger.note(`${this.name} is given ${namesOf(partitions)}`);
    for (const { topic, partition } of partitions) {
      const name = `${topic}/${partition}`;
      assert.ok(!this.tenures.has(name), `${name} is given to ${this.name}, which has it`);
      this.tenures.set(name, this.#ledger.given(this.#ledger.place(name), this));
    }
    this.#count('assigned');
  }

  async #assigned(partitions: readonly ForPartition[]): Promise<void> {
    await turn();
    for (const tenure of this.#these(partitions)) tenure.isOpen = true;
  }

  async #revoking(partitions: readonly ForPartition[]): Promise<void> {
    this.#ledger.note(`${this.name} onRevoke ${namesOf(partitions)}`);
    for (const tenure of this.#these(partitions)) {
      const { place, done, position } = tenure;
      tenure.isLeaving = true;
      tenure.couldNotCommit = this.#couldNotCommit;
      if (this.state === 'open' && !this.#isHasty && !this.isEnding)
        assert.ok(!tenure.isInHand, `${place.name} is given up, and ${done} to ${position} are in hand`);
      if (!this.isAutomatic || this.#couldNotCommit || position === undefined || this.state === 'closing' || this.#isHasty) continue;
      if (tenure.epoch > 0 && done === tenure.floor) continue; // a seek may come behind the last commit: nothing was done from there
      assert.ok(
        (this.#ledger.stored(place) ?? 0) >= done,
        `${place.name} is given up, done to ${done}, and ${this.#ledger.stored(place)} is stored`,
      );
    }
    this.#couldNotCommit = false;
    await turn();
  }

  #told(partitions: readonly ForPartition[], how: string): void {
    for (const { topic, partition } of partitions) assert.ok(!this.tenures.has(`${topic}/${partition}`), `onLost before the event ${how}`);
  }

  #end(partitions: readonly ForPartition[], how: 'revoked' | 'lost'): void {
    this.#ledger.note(`${this.name} ${how} ${namesOf(partitions)}`);
    for (const tenure of this.#these(partitions)) {
      if (how === 'revoked') assert.ok(tenure.isLeaving, `${tenure.place.name}: revoked before onRevoke was called`);
      tenure.ended = how;
      this.tenures.delete(tenure.place.name);
      this.former.set(tenure.place.name, tenure);
    }
    this.#count(how);
  }

  #these(partitions: readonly ForPartition[]): Tenure[] {
    return partitions.map(({ topic, partition }) => {
      return (
        this.tenures.get(`${topic}/${partition}`) ?? assert.fail(`${this.name} is told of ${topic}/${partition}, which it does not have`)
      );
    });
  }

  /** Calls something that may take its time: its failure is the model's. */
  call(work: () => Promise<void>): Promise<void> {
    const ended: Promise<void> = work()
      .catch(this.#failed)
      .finally(() => this.calls.delete(ended));
    this.calls.add(ended);
    return ended;
  }

  /** Calls something that reads: one at a time. */
  read(what: string, work: () => Promise<void>): Promise<void> {
    assert.equal(this.reading, undefined);
    this.#ledger.note(`${this.name} ${what}`);
    const ended = this.call(() =>
      work()
        .catch((error: unknown) => this.assertExpected(error, what))
        .finally(() => {
          this.#ledger.note(`${this.name} ${what} has ended`);
          this.reading = undefined;
        }),
    );
    this.reading = { what, ended };
    return ended;
  }

  assertExpected(error: unknown, what: string): void {
    const code = error instanceof KafkaError ? error.code : undefined;
    if (code !== undefined && (expected.has(code) || (code === 'TIDE_CLOSED' && this.state !== 'open'))) {
      this.#count(code);
      this.#ledger.note(`${this.name} ${what}: ${code}`);
      return;
    }
    throw new Error(`${this.name}: ${what} failed with ${String(error)}`, { cause: error });
  }

  /** More is asked for: what came before is done, unless only marks say so. */
  ask(): void {
    if (!this.isExplicit && this.context === undefined) for (const tenure of this.tenures.values()) tenure.markAll();
  }

  took(message: Message): void {
    const { topic, partition, offset } = message;
    const tenure = this.tenures.get(`${topic}/${partition}`);
    const what = `${this.name} hands out ${topic}/${partition} offset ${offset}`;
    assert.ok(tenure !== undefined, `${what}, which it does not have`);
    assert.ok(tenure.isOpen, `${what} before onAssign has ended`);
    assert.ok(!tenure.isLeaving, `${what} after onRevoke was called`);
    if (tenure.position === undefined) tenure.begin(this.#ledger.stored(tenure.place) ?? 0);
    if (this.context !== undefined) tenure.initial ??= tenure.position;
    tenure.take(message);
    this.hands.push({ message, tenure, epoch: tenure.epoch, lease: tenure.lease });
    if (this.hands.length > 100) this.hands.splice(0, 50);
    this.#count('handed out');
  }

  tookAll(item: Message | MessageBatch): void {
    for (const message of item instanceof Message ? [item] : item) this.took(message);
  }

  /** A loop was left: outside a context what is not done goes back. */
  left(): void {
    if (!this.isExplicit && this.context === undefined) this.putBack();
  }

  putBack(): void {
    for (const tenure of this.tenures.values()) tenure.putBack();
  }

  /** What must hold of where its consumer stands. */
  check(): void {
    if (this.state !== 'open') return;
    const offsets = this.consumer.offsets();
    assert.deepEqual(
      offsets.map(({ topic, partition }) => `${topic}/${partition}`).sort(),
      [...this.tenures.keys()].sort(),
      `what ${this.name} reads`,
    );
    for (const { topic, partition, position, done, committed } of offsets) {
      if (position === undefined || done === undefined) continue;
      const tenure = this.tenures.get(`${topic}/${partition}`) ?? assert.fail();
      const { place } = tenure;
      const what = `${this.name} ${place.name}`;
      assert.ok(done <= position, `${what}: done ${done}, position ${position}`);
      if (committed !== undefined && committed <= done && tenure.before === 0) tenure.movedBack = false;
      if (!tenure.movedBack) assert.ok(committed === undefined || committed <= done, `${what}: committed ${committed}, done ${done}`);
      if (tenure.position === undefined) {
        if (this.reading !== undefined) continue; // it may have gone on already
        const start = this.#ledger.stored(place) ?? 0;
        assert.ok(
          position >= start && position <= (place.from(start) ?? Number.POSITIVE_INFINITY),
          `${what} begins at ${position}, ${start} is stored`,
        );
        tenure.begin(start);
      }
      if (this.context !== undefined && this.reading !== undefined) continue; // it may be ending: the model ends it after that
      const next = place.from(tenure.position ?? 0) ?? Number.POSITIVE_INFINITY;
      assert.ok(position >= (tenure.position ?? 0), `${what}: position ${position}, expected ${tenure.position}`);
      if (tenure.isInHand) assert.equal(done, tenure.done, `${what}: done`);
      if (this.reading !== undefined) continue;
      assert.ok(position <= next, `${what}: position ${position}, expected ${tenure.position} to ${next}`);
      tenure.position = position; // behind the last message handed out it may have passed a gap
    }
  }
}

const namesOf = (partitions: readonly ForPartition[]): string =>
  partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(' ');
