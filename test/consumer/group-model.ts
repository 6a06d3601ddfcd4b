import assert from 'node:assert/strict';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { systemClock } from '../../src/base/clock.js';
import { settledWithin } from '../../src/base/wait.js';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { type Api, ConsumerGroupHeartbeat, JoinGroup, OffsetCommit, SyncGroup } from '../../src/protocol/index.js';
import type { Message } from '../../src/records/index.js';
import { holdsFor, type ModelRun, type ModelTest, type Step, stepsOf } from '../support/model.js';
import { Commits, commitFault, groupFault } from './group-faults.js';
import { GROUP, Ledger, type Place, type Tenure } from './group-ledger.js';
import { LONG_MS, Member } from './group-model-member.js';

/** What does not come back, or to rest, in so many ms never will. */
const LATE_MS = 20_000;
const SLOTS = 3;
const TOPICS = { orders: 3, bills: 2 };

/** What can happen, and how often. */
const kinds = {
  ...{ append: 10, join: 6, get: 16, next: 16, batches: 8, leaveLoop: 8, endLoop: 2, mark: 10, markMany: 8, markUpTo: 3, rewind: 3 },
  ...{ commit: 4, commitThese: 4, seek: 3, pause: 2, resume: 3, subscribe: 2, leave: 2, expire: 3, rebalance: 3, moveCoordinator: 2 },
  ...{ begin: 6, endContext: 8, withOffsets: 6, commitFault: 6, groupFault: 4, moveLeader: 1, newTopic: 1, rest: 1 },
} as const;
type Kind = keyof typeof kinds;

/** What a run has to come to, and how often it did. */
const whatMatters = [
  ...['assigned', 'revoked', 'lost', 'handed out', 'commits sent', 'commits stored', 'context committed', 'context failed', 'seek', 'left'],
  ...['subscribed', 'at rest', 'mark: TIDE_STALE', 'mark: TIDE_PARTITION_LOST', 'OFFSET_METADATA_TOO_LARGE'],
];
/** Counts what happens. */
type Counting = (what: string) => void;

const protocols = {
  range: { assignors: ['range'] },
  'cooperative-sticky': { assignors: ['cooperative-sticky'] },
  'sticky or range': { assignors: ['sticky', 'range'] },
  consumer: { groupProtocol: 'consumer' },
} as const satisfies Record<string, KafkaConsumerOptions>;
const commits = { never: false, 'by count': { everyN: 4 }, often: { everyMs: 5, everyN: 10 }, rarely: { everyMs: 60_000 } } as const;

/** How the members of a group are made. */
export interface GroupVariant {
  readonly protocol: keyof typeof protocols;
  readonly commits: keyof typeof commits;
  readonly marking: 'loop' | 'explicit';
  readonly isStatic: boolean;
  readonly revokeDrainMs: number;
}

const oneOf = <T>(...all: readonly T[]) => fc.constantFrom(...all);
const variants: fc.Arbitrary<GroupVariant> = fc.record(
  {
    protocol: oneOf<GroupVariant['protocol']>(
      'range',
      'cooperative-sticky',
      'cooperative-sticky',
      'sticky or range',
      'consumer',
      'consumer',
    ),
    commits: oneOf<GroupVariant['commits']>('never', 'never', 'never', 'by count', 'often', 'rarely'),
    marking: oneOf<GroupVariant['marking']>('loop', 'loop', 'explicit'),
    isStatic: oneOf(false, false, true),
    revokeDrainMs: oneOf(LONG_MS, LONG_MS, 15),
  },
  { noNullPrototype: true },
);

const failure = new Error('the work failed');

/** Members of one group that come and go, each busy with something of its own, and a ledger of what is in whose hands. */
export class GroupRun implements ModelRun<Step<Kind>> {
  readonly #cluster: EmbeddedCluster;
  readonly #variant: GroupVariant;
  readonly #ledger: Ledger;
  readonly #commits: Commits;
  readonly #count: Counting;
  readonly #slots: (Member | undefined)[] = Array.from({ length: SLOTS });
  readonly #members: Member[] = [];
  readonly #failures: unknown[] = [];
  readonly #unhandled = (error: unknown): void => this.#fail(new Error('nobody handled a rejection', { cause: error }));
  #storm = 0;
  /** The last commit to come in for these leaves something out: it has to be refused, since its sender is not who it was any more. */
  readonly #doubtful = new Map<Place, string>();

  static async start(variant: GroupVariant, count: Counting): Promise<GroupRun> {
    const cluster = await EmbeddedCluster.start({ brokers: 2, topics: TOPICS, consumerHeartbeatIntervalMs: 10 });
    return new GroupRun(cluster, variant, count);
  }

  private constructor(cluster: EmbeddedCluster, variant: GroupVariant, count: Counting) {
    this.#cluster = cluster;
    this.#variant = variant;
    this.#count = count;
    this.#ledger = new Ledger(cluster);
    for (const place of this.#ledger.places.values()) for (let i = 0; i < 4; i++) this.#ledger.append(place, 5, 0);
    process.on('unhandledRejection', this.#unhandled);
    this.#listen();
    cluster.limitVersions(OffsetCommit, 9); // the last with names
    this.#commits = new Commits(
      cluster,
      ({ clientId, body }) => {
        for (const { name, partitions } of body.topics)
          for (const { partitionIndex, committedOffset } of partitions)
            this.#held(() => this.#sent(clientId, this.#ledger.place(`${name}/${partitionIndex}`), committedOffset));
      },
      ({ clientId, body }, i, j) => {
        const { name = '', partitions = [] } = body.topics[i] ?? {};
        const partition = partitions[j]?.partitionIndex ?? -1;
        this.#held(() => this.#accepted(clientId, this.#ledger.place(`${name}/${partition}`)));
      },
    );
  }

  async step({ kind, a, b }: Step<Kind>): Promise<void> {
    const member = this.#slots[a % SLOTS];
    const act = (work: (member: Member) => unknown): unknown =>
      member === undefined ? this.#join(a) : member.state === 'open' ? work(member) : undefined;
    const reads = (work: (member: Member) => unknown): unknown => act(one => (one.reading === undefined ? work(one) : undefined));
    const steps: Record<Kind, () => unknown> = {
      append: () => this.#append(a * 60 + b),
      join: () => this.#join(a),
      get: () => reads(one => this.#get(one, 1 + (b % 15), a + b)),
      next: () => reads(one => this.#next(one, 'messages', 1 + (b % 9))),
      batches: () => reads(one => this.#next(one, 'batches', 1 + (b % 3))),
      leaveLoop: () => act(one => this.#leaveLoop(one)),
      endLoop: () => act(one => one.loop?.stop.abort()),
      mark: () => act(one => this.#mark(one, a * 60 + b)),
      markMany: () => act(one => this.#markMany(one, 1 + (a % 12), b)),
      markUpTo: () => act(one => this.#markUpTo(one, a * 60 + b)),
      rewind: () => reads(one => this.#rewind(one)),
      commit: () => act(one => this.#commit(one, [])),
      commitThese: () => act(one => this.#commit(one, this.#markable(one).slice(-(1 + (b % 8))))),
      seek: () => reads(one => this.#seek(one, a + b, b)),
      pause: () => act(one => this.#pause(one, b, true)),
      resume: () => act(one => this.#pause(one, b, false)),
      subscribe: () => act(one => this.#subscribe(one, b)),
      leave: () => act(one => this.#leave(one, b)),
      expire: () => this.#expire(b),
      rebalance: () => this.#cluster.members(GROUP).length > 0 && this.#cluster.rebalance(GROUP),
      moveCoordinator: () => this.#cluster.moveCoordinator(1 + (b % 2)),
      begin: () => reads(one => this.#begin(one)),
      endContext: () => reads(one => this.#endContext(one, b % 3 > 0)),
      withOffsets: () => reads(one => this.#withOffsets(one, 1 + (a % 12), b)),
      commitFault: () => this.#commits.next(commitFault(this.#isConsumer, this.#variant.isStatic, a, b), 1 + 2 * (b % 4)),
      groupFault: () => groupFault(this.#cluster, this.#raging(), this.#isConsumer, this.#variant.isStatic, a, b),
      moveLeader: () => this.#cluster.moveLeader('orders', a % TOPICS.orders, 1 + (b % 2)),
      newTopic: () => this.#newTopic(),
      rest: () => this.#rest(),
    };
    this.#ledger.note(`-- ${kind} ${a} ${b} ${member?.name}`);
    await steps[kind]();
    await this.#pass(member, b);
    this.#check();
  }

  /** Whatever happened: at rest somebody reads everything, and every message was handed out. */
  async finish(): Promise<void> {
    this.#ledger.note('-- finish');
    this.#join(0);
    await this.#rest();
    const [last = assert.fail(), ...others] = this.#open();
    for (const member of others) this.#leave(member, 0);
    await this.#inTime('the others leave', Promise.all(others.flatMap(({ calls }) => [...calls])));
    await last.consumer.setTopicPartitions(...this.#cluster.topics.keys());
    last.wants = () => true;
    if (!this.#variant.isStatic) await this.#until('the others have left', () => this.#cluster.members(GROUP).length === 1);
    await this.#rest();
    const isAtEnd = () => {
      const ends = last.consumer
        .offsets()
        .map(({ topic, partition, position }) => position === this.#cluster.offsets(topic, partition).end);
      return ends.length === this.#ledger.places.size && ends.every(is => is);
    };
    const began = performance.now();
    while (!isAtEnd()) {
      assert.ok(performance.now() - began < LATE_MS, 'not all messages came');
      last.ask();
      for (const message of await last.consumer.getMessages(40, { block: 1, timeoutMs: 20 })) last.took(message);
      this.#markAll(last);
      this.#check();
    }
    last.ask();
    for (const message of await last.consumer.getMessages(1, { block: false })) last.took(message);
    this.#markAll(last);
    await last.consumer.commit();
    this.#check();
    this.#ledger.checkComplete();
    for (const place of this.#ledger.places.values())
      assert.ok(
        (this.#ledger.stored(place) ?? 0) > (place.log.at(-1) ?? -1),
        `all of ${place.name} is committed: ${this.#ledger.stored(place)}`,
      );
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ client }) => client.close({ timeoutMs: 1 }).catch(() => {})));
    await this.#cluster.close();
    await turn();
    process.off('unhandledRejection', this.#unhandled);
  }

  get #isConsumer(): boolean {
    return this.#variant.protocol === 'consumer';
  }

  #fail(error: unknown): void {
    this.#failures.push(error);
  }

  /** What fails where somebody else would hear of it fails the step. */
  #held(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether what was set now goes wrong still. */
  #raging(): () => boolean {
    const storm = this.#storm;
    return () => storm === this.#storm;
  }

  #check(): void {
    for (const member of this.#members) this.#held(() => member.check());
    const [first] = this.#failures;
    if (first === undefined) return;
    const text = first instanceof Error ? first.stack : String(first);
    throw new Error(`${text}\nbefore that:\n${this.#ledger.story}`, { cause: first });
  }

  /** What members say to the group belongs to the story. */
  #listen(): void {
    const note = (api: Api, client: string | null, text: string): false => {
      this.#ledger.note(`${client}: ${api.name} ${text}`);
      return false; // and nothing comes of it
    };
    this.#cluster.on(JoinGroup, ({ api, clientId, body }) => note(api, clientId, body.memberId)).drop(Number.POSITIVE_INFINITY);
    this.#cluster.on(SyncGroup, ({ api, clientId, body }) => note(api, clientId, `${body.generationId}`)).drop(Number.POSITIVE_INFINITY);
    this.#cluster
      .on(ConsumerGroupHeartbeat, ({ api, clientId, body: { memberEpoch, topicPartitions: owned = null } }) => {
        const isNews = owned !== null || memberEpoch <= 0;
        return (
          isNews &&
          note(
            api,
            clientId,
            `${memberEpoch}, it has ${JSON.stringify(owned?.map(({ topicId, partitions }) => [topicId.slice(-1), ...partitions]))}`,
          )
        );
      })
      .drop(Number.POSITIVE_INFINITY);
  }

  /** A moment for what was begun. */
  async #pass(member: Member | undefined, b: number): Promise<void> {
    for (let i = 0; i < 4 + (b % 4) && member?.reading !== undefined; i++) await turn();
    if (member?.reading !== undefined && b % 2 === 0) await Promise.race([member.reading.ended, delay(3)]);
    else await turn();
  }

  async #inTime(what: string, work: Promise<unknown>): Promise<void> {
    if (!(await settledWithin(systemClock, work, LATE_MS))) {
      const busy = this.#members.map(({ name, reading, calls, state }) => `${name} ${state} ${reading?.what} ${calls.size}`);
      this.#fail(new Error(`waited in vain: ${what} (${this.#cluster.groupState(GROUP)}; ${busy.join(', ')})`));
      this.#check();
    }
    await work;
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    for (const began = performance.now(); !holds(); await delay(1)) {
      this.#check();
      if (performance.now() - began < LATE_MS) continue;
      const read = this.#members
        .filter(({ state }) => state === 'open')
        .map(({ name, tenures, reading }) => `${name}: ${[...tenures.keys()]} ${reading?.what}`);
      const members = this.#cluster.members(GROUP).map(({ clientId, epoch, partitions }) => `${clientId} ${epoch} ${partitions}`);
      this.#fail(
        new Error(`waited in vain: ${what} (${this.#cluster.groupState(GROUP)}: ${members.join('; ')}. They read ${read.join('; ')})`),
      );
      this.#check();
    }
  }

  /** A commit has come in: nothing below it may be left undone. */
  #sent(client: string | null, place: Place, offset: number): void {
    this.#ledger.note(`${client} sends ${place.name} ${offset}, stored is ${this.#ledger.stored(place)}`);
    const tenure = this.#tenureOf(client, place);
    const what = `${client} commits ${place.name} up to ${offset}`;
    assert.ok(tenure !== undefined, `${what}, which it never had`);
    if (tenure.position === undefined) tenure.begin(this.#ledger.stored(place) ?? 0);
    if (!tenure.allows(offset)) this.#doubtful.set(place, `${what}, done to ${tenure.done} from ${tenure.floor}`);
    else this.#doubtful.delete(place);
    this.#count('commits sent');
  }

  /** A commit was stored: nobody else may have begun with the partition. */
  #accepted(client: string | null, place: Place): void {
    this.#ledger.note(`${client} stored ${place.name}`);
    assert.ok(!this.#doubtful.has(place), this.#doubtful.get(place));
    assert.equal(place.last?.member.name, client, `a commit of ${place.name} is stored for whom it was given to last`);
    this.#count('commits stored');
  }

  #tenureOf(client: string | null, place: Place): Tenure | undefined {
    const member = this.#members.find(({ name }) => name === client);
    return member?.tenures.get(place.name) ?? member?.former.get(place.name);
  }

  #append(n: number): void {
    const places = [...this.#ledger.places.values()];
    const place = places[n % places.length];
    if (place !== undefined) this.#ledger.append(place, 1 + (n % 9), n % 5 === 0 ? n % 4 : 0);
  }

  #join(a: number): void {
    const slot = a % SLOTS;
    if (this.#slots[slot] !== undefined) return;
    const { protocol, commits: when, marking, isStatic, revokeDrainMs } = this.#variant;
    const name = `m${this.#members.length}`;
    const options = { ...protocols[protocol], autoCommit: commits[when], marking, revokeDrainMs, topics: ['orders', 'bills'] };
    const given = isStatic ? { ...options, groupInstanceId: `slot-${slot}` } : options;
    const member = new Member(name, this.#ledger, given, this.#count, error => this.#fail(error));
    this.#slots[slot] = member;
    this.#members.push(member);
    this.#get(member, 3, a);
  }

  #get(member: Member, count: number, b: number): void {
    if (member.loop !== undefined) return;
    const how = ([{ timeoutMs: 4 }, { block: 1, timeoutMs: 8 }, { block: false }, { timeoutMs: 1 }] as const)[b % 4];
    member.ask();
    member.read('getMessages()', async () => {
      for (const message of await member.consumer.getMessages(count, how)) member.took(message);
    });
  }

  /** Asks a loop for some more, and is left with the last of them in hand. */
  #next(member: Member, kind: 'messages' | 'batches', times: number): void {
    const stop = new AbortController();
    const { consumer } = member;
    member.loop ??= {
      items: kind === 'messages' ? consumer.messages({ signal: stop.signal }) : consumer.batches({ signal: stop.signal }),
      stop,
    };
    const { loop } = member;
    member.read('a loop', async () => {
      let isOver = true;
      try {
        for (let i = 0; i < times && member.loop === loop; i++) {
          member.ask();
          const { value, done } = await loop.items.next();
          isOver = done === true;
          if (isOver) break;
          member.tookAll(value);
          isOver = false;
        }
      } finally {
        if (isOver && member.loop === loop) member.loop = undefined;
      }
    });
  }

  /** By `break`, or an exception: both call this. */
  #leaveLoop(member: Member): void {
    const { loop } = member;
    if (loop === undefined) return;
    member.loop = undefined;
    loop.items.return?.();
    member.left();
  }

  #markable(member: Member) {
    return member.hands.filter(({ tenure, lease }) => tenure.ended === undefined && tenure.lease === lease).map(({ message }) => message);
  }

  #mark(member: Member, choice: number): void {
    const hand = member.hands[choice % Math.max(1, member.hands.length)];
    if (hand === undefined || !isFree(member)) return;
    const { message, tenure, epoch, lease } = hand;
    const { topic, partition, offset } = message;
    const by = member.context ?? member.consumer;
    const counts = lease === tenure.lease || (epoch === tenure.epoch && offset < tenure.done);
    const code = tenure.ended !== undefined ? 'TIDE_PARTITION_LOST' : counts ? undefined : 'TIDE_STALE';
    if (code !== undefined) {
      assert.throws(() => by.mark(message), { code }, `a late mark of ${tenure.place.name} offset ${offset}`);
      this.#count(`mark: ${code}`);
    } else if (choice % 3 === 0 && lease === tenure.lease && tenure.handedOut.has(offset)) {
      by.mark({ topic, partition }, offset);
    } else by.mark(message);
    if (tenure.ended === undefined && lease === tenure.lease) tenure.mark(offset, offset);
  }

  #markMany(member: Member, count: number, b: number): void {
    for (let i = 0; i < count; i++) this.#mark(member, Math.max(0, member.hands.length - 1 - ((b + i * 7) % Math.max(1, count))));
  }

  #markAll(member: Member): void {
    for (const i of member.hands.keys()) this.#mark(member, i);
  }

  #markUpTo(member: Member, choice: number): void {
    const hand = member.hands[choice % Math.max(1, member.hands.length)];
    if (hand === undefined || hand.tenure.ended !== undefined || hand.lease !== hand.tenure.lease || !isFree(member)) return;
    (member.context ?? member.consumer).markUpTo(hand.message);
    hand.tenure.mark(0, hand.message.offset);
  }

  #rewind(member: Member): void {
    if (member.context !== undefined) return;
    member.consumer.rewind();
    member.putBack();
  }

  #commit(member: Member, messages: readonly Message[]): void {
    if (member.context !== undefined) return;
    const { consumer } = member;
    for (const { topic, partition, offset } of messages) member.tenures.get(`${topic}/${partition}`)?.mark(offset, offset);
    const due = [...member.tenures.values()]
      .filter(({ position }) => position !== undefined)
      .map(tenure => ({ tenure, epoch: tenure.epoch, done: tenure.done }));
    member.call(async () => {
      try {
        await (messages.length > 0 ? consumer.commit(messages) : consumer.commit());
      } catch (error) {
        member.assertExpected(error, 'commit()');
        return;
      }
      for (const { tenure, epoch, done } of due) {
        if (tenure.ended !== undefined || tenure.epoch !== epoch) continue;
        const stored = this.#ledger.stored(tenure.place) ?? 0;
        assert.ok(stored >= done, `commit() has ended, ${tenure.place.name} was done to ${done}, and ${stored} is stored`);
      }
    });
  }

  #seek(member: Member, a: number, b: number): void {
    const tenures = [...member.tenures.values()].filter(({ position, isOpen }) => isOpen && position !== undefined);
    const tenure = tenures[a % Math.max(1, tenures.length)];
    if (tenure === undefined || member.context !== undefined) return;
    const { place, position = 0 } = tenure;
    const { topic, partition } = place;
    const { end } = this.#cluster.offsets(topic, partition);
    const target = b % 4 === 0 ? Math.min(end, position + (b % 3)) : b % (position + 1);
    member.call(async () => {
      await member.consumer.seek(target, undefined, { topic, partition }).catch((error: unknown) => {
        if (tenure.ended === undefined) throw error;
      });
    });
    tenure.seek(target);
    this.#count('seek');
  }

  #pause(member: Member, b: number, isPaused: boolean): void {
    const tenures = [...member.tenures.values()];
    const tenure = tenures[b % Math.max(1, tenures.length)];
    if (tenure === undefined || member.state !== 'open') return;
    const { topic, partition } = tenure.place;
    if (isPaused) member.consumer.pause([{ topic, partition }]);
    else member.consumer.resume();
  }

  #subscribe(member: Member, b: number): void {
    if (member.context !== undefined || member.state !== 'open') return;
    const topics = [['orders'], ['bills'], ['orders', 'bills'], [/^(orders|bills|more)/]][b % 4] ?? [];
    member.call(() => member.consumer.setTopicPartitions(...topics));
    member.wants = topic => topics.some(each => (typeof each === 'string' ? each === topic : each.test(topic)));
    this.#count('subscribed');
  }

  /** Somebody closes its consumer, whatever it is busy with. */
  #leave(member: Member, b: number): void {
    if (member.context !== undefined) return;
    if (b % 2 === 0) this.#leaveLoop(member);
    if (member.loop !== undefined && member.isExplicit === false && member.reading === undefined) this.#leaveLoop(member);
    if (member.isExplicit) this.#markAll(member);
    member.state = 'closing';
    const held = [...member.tenures.values()];
    let isInOrder = true;
    member.call(async () => {
      try {
        await member.consumer.close({ timeoutMs: member.isExplicit ? 50 : LATE_MS / 2 });
      } catch (error) {
        isInOrder = false;
        if ((error as { code?: string }).code !== 'TIDE_TIMEOUT' || !member.isExplicit) member.assertExpected(error, 'close()');
      }
      if (isInOrder && member.isAutomatic)
        for (const { place, position, done } of held.filter(({ ended }) => ended === 'revoked'))
          assert.ok(
            position === undefined || (this.#ledger.stored(place) ?? 0) >= done,
            `${member.name} is closed, ${place.name} was done to ${done}`,
          );
      assert.equal(member.tenures.size, 0, `${member.name} is closed, and has given up everything`);
      member.state = 'closed';
      this.#slots[this.#slots.indexOf(member)] = undefined;
      if (b % 3 > 0) this.#forget();
      await member.client.close({ timeoutMs: 1000 }).catch(() => {});
    });
    this.#count('left');
  }

  #expire(b: number): void {
    const members = this.#cluster.members(GROUP);
    const one = members[b % Math.max(1, members.length)];
    // A session does not run out while its member waits for its assignment.
    const waits = this.#cluster.groupState(GROUP) === 'CompletingRebalance';
    if (one !== undefined && !waits) this.#cluster.expireMember(GROUP, one.memberId);
  }

  #newTopic(): void {
    if (this.#ledger.places.has('more/0')) return;
    this.#cluster.createTopic('more', 2);
    for (const partition of [0, 1]) this.#ledger.append(this.#ledger.add('more', partition), 5, 0);
  }

  #begin(member: Member): void {
    if (member.context !== undefined || member.isAutomatic || member.loop !== undefined || member.state !== 'open') return;
    if (member.isExplicit) this.#rewind(member);
    member.ask();
    for (const tenure of member.tenures.values()) tenure.initial = tenure.position;
    member.context = OffsetCommitContext.begin(member.consumer);
  }

  #endContext(member: Member, commits: boolean): void {
    const { context } = member;
    if (context === undefined) return;
    this.#leaveLoop(member);
    member.isEnding = true;
    member.read('the end of a context', () =>
      this.#ending(member, () => (commits ? context.commit() : context.rollback().then(() => Promise.reject(failure)))),
    );
  }

  #withOffsets(member: Member, count: number, b: number): void {
    if (member.context !== undefined || member.isAutomatic || member.loop !== undefined || member.state !== 'open') return;
    if (member.isExplicit) this.#rewind(member);
    member.ask();
    for (const tenure of member.tenures.values()) tenure.initial = tenure.position;
    const work = async (context: OffsetCommitContext): Promise<void> => {
      member.context = context;
      for (const message of await member.consumer.getMessages(count, { timeoutMs: 5 })) member.took(message);
      this.#markMany(member, Math.ceil(count / 2), b);
      member.isEnding = true;
      if (b % 3 === 0) throw failure;
    };
    member.read('withOffsets()', () => this.#ending(member, () => withOffsets(member.consumer, work)));
  }

  /** A context ends: every partition stands at what is marked of it, or where the context began. */
  async #ending(member: Member, end: () => Promise<unknown>): Promise<void> {
    let isKept = true;
    try {
      await end();
      this.#count('context committed');
    } catch (error) {
      isKept = false;
      this.#count('context failed');
      if (error !== failure) member.assertExpected(error, 'a context');
    } finally {
      member.context = undefined;
      member.isEnding = false;
      for (const tenure of member.tenures.values()) {
        const { topic, partition } = tenure.place;
        const { initial } = tenure;
        const position = member.consumer.position({ topic, partition });
        tenure.initial = undefined;
        if (position === undefined || initial === undefined) continue;
        if (!isKept && position === initial && position < (tenure.position ?? 0)) tenure.moveTo(initial);
        else if (position < (tenure.position ?? 0)) tenure.standAt(position);
      }
    }
  }

  /** Nothing goes wrong any more and nobody holds anything: everybody comes back, and the partitions are divided among all. */
  async #rest(): Promise<void> {
    this.#storm += 1;
    this.#commits.calm();
    for (const member of this.#open()) if (member.tenures.size > 0) member.consumer.resume();
    await this.#inTime('every call comes back', this.#released());
    let looks = 0;
    await this.#until('the partitions are divided', () => {
      const isAsking = looks++ % 50 === 0; // one that the group did not take asks again
      for (const member of this.#open()) {
        if (isAsking && member.tenures.size === 0 && member.reading === undefined) this.#get(member, 1, 3);
        const isHolding = [...member.tenures.values()].some(({ isInHand }) => isInHand);
        if (isHolding && member.reading === undefined) this.#rewind(member);
      }
      return this.#isDivided();
    });
    await this.#inTime('every call comes back', this.#released());
    this.#check();
    this.#count('at rest');
  }

  /** Resolves when no call is under way; what they bring is let go of, so that nobody waits for it. */
  async #released(): Promise<void> {
    for (;;) {
      for (const member of this.#open()) {
        this.#leaveLoop(member);
        if (member.reading !== undefined) continue;
        if (member.context !== undefined) this.#endContext(member, false);
        else this.#rewind(member);
      }
      this.#forget();
      if (this.#members.every(({ calls }) => calls.size === 0)) return;
      this.#check();
      await delay(1);
    }
  }

  /** Whether every partition that somebody wants is read by one of them. */
  #isDivided(): boolean {
    const open = this.#open();
    return [...this.#ledger.places.values()].every(({ topic, name }) => {
      const isWanted = open.some(({ wants }) => wants(topic));
      return open.filter(({ tenures }) => tenures.has(name)).length === (isWanted ? 1 : 0);
    });
  }

  #open(): Member[] {
    return this.#slots.filter(each => each?.state === 'open').filter(each => each !== undefined);
  }

  /** The sessions of those that are closed are over: of static members, and of others where the faults have eaten that they leave. */
  #forget(): void {
    for (const { instanceId, clientId, memberId } of this.#cluster.members(GROUP)) {
      const isThere = this.#slots.some(each => (instanceId === null ? each?.name === clientId : each?.instanceId === instanceId));
      if (!isThere) this.#cluster.expireMember(GROUP, memberId);
    }
  }
}

/** Whether something can be marked: not while a context ends. */
const isFree = ({ state, isEnding }: Member): boolean => state === 'open' && !isEnding;

/** Runs the model, and tells what was seen. Throws as {@link holdsFor}. */
export function groupModel(
  t: Parameters<typeof holdsFor>[0],
  bounds: Pick<ModelTest<GroupVariant, Step<Kind>>, 'seed' | 'runs' | 'leastSteps' | 'leastTimes'>,
): Promise<void> {
  const happened: Record<string, number> = Object.fromEntries(whatMatters.map(what => [what, 0]));
  const count: Counting = what => {
    if (happened[what] !== undefined) happened[what] += 1;
  };
  return holdsFor(t, {
    variants,
    step: stepsOf(kinds),
    maxSteps: 150,
    start: variant => GroupRun.start(variant, count),
    happened,
    ...bounds,
  });
}
