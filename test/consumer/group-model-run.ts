import assert from 'node:assert/strict';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { OffsetCommit } from '../../src/protocol/index.js';
import type { ModelRun, Step } from '../support/model.js';
import { commitFault, groupFault } from './group-faults.js';
import { GROUP } from './group-ledger.js';
import { CommitWatch } from './group-model-commits.js';
import { begin, endContext, workWithOffsets } from './group-model-contexts.js';
import { commit, mark, markAll, markable, markMany, markUpTo } from './group-model-marking.js';
import type { Member } from './group-model-member.js';
import { expire, join, leave } from './group-model-presence.js';
import { get, getTold, leaveLoop, next, pause, rewind, seek, subscribe } from './group-model-reading.js';
import { rest } from './group-model-rest.js';
import { type Counting, LATE_MS, SLOTS, Stage } from './group-model-stage.js';
import type { GroupVariant } from './group-model-variants.js';

const TOPICS = { orders: 3, bills: 2 };

/** What can happen, and how often. */
export const kinds = {
  ...{ append: 10, join: 6, get: 16, next: 16, batches: 8, leaveLoop: 8, endLoop: 2, mark: 10, markMany: 8, markUpTo: 3, rewind: 3 },
  ...{ commit: 4, commitThese: 4, seek: 3, pause: 2, resume: 3, subscribe: 2, leave: 2, expire: 3, rebalance: 3, moveCoordinator: 2 },
  ...{ begin: 6, endContext: 8, withOffsets: 6, commitFault: 6, groupFault: 4, moveLeader: 1, newTopic: 1, rest: 1 },
} as const;
export type Kind = keyof typeof kinds;

/** Members of one group that come and go, each busy with something of its own, and a ledger of what is in whose hands. */
export class GroupRun implements ModelRun<Step<Kind>> {
  readonly #stage: Stage;
  readonly #commits: CommitWatch;
  readonly #unhandled = (error: unknown): void => this.#stage.fail(new Error('nobody handled a rejection', { cause: error }));
  #storm = 0;

  static async start(variant: GroupVariant, count: Counting): Promise<GroupRun> {
    const cluster = await EmbeddedCluster.start({ brokers: 2, topics: TOPICS, consumerHeartbeatIntervalMs: 10 });
    return new GroupRun(new Stage(cluster, variant, count));
  }

  private constructor(stage: Stage) {
    this.#stage = stage;
    const { cluster, ledger } = stage;
    for (const place of ledger.places.values()) for (let i = 0; i < 4; i++) ledger.append(place, 5, 0);
    process.on('unhandledRejection', this.#unhandled);
    cluster.limitVersions(OffsetCommit, 9); // the last with names
    this.#commits = new CommitWatch(stage);
  }

  async step({ kind, a, b }: Step<Kind>): Promise<void> {
    const stage = this.#stage;
    const { cluster, ledger, variant } = stage;
    const member = stage.slots[a % SLOTS];
    const act = (work: (member: Member) => unknown): unknown =>
      member === undefined ? join(stage, a) : member.state === 'open' ? work(member) : undefined;
    const reads = (work: (member: Member) => unknown): unknown => act(one => (one.reading === undefined ? work(one) : undefined));
    const steps: Record<Kind, () => unknown> = {
      append: () => this.#append(a * 60 + b),
      join: () => join(stage, a),
      get: () => reads(one => get(one, 1 + (b % 15), a + b)),
      next: () => reads(one => next(one, 'messages', 1 + (b % 9))),
      batches: () => reads(one => next(one, 'batches', 1 + (b % 3))),
      leaveLoop: () => act(one => leaveLoop(one)),
      endLoop: () => act(one => one.loop?.stop.abort()),
      mark: () => act(one => mark(stage, one, a * 60 + b)),
      markMany: () => act(one => markMany(stage, one, 1 + (a % 12), b)),
      markUpTo: () => act(one => markUpTo(one, a * 60 + b)),
      rewind: () => reads(one => rewind(one)),
      commit: () => act(one => commit(stage, one, [])),
      commitThese: () => act(one => commit(stage, one, markable(one).slice(-(1 + (b % 8))))),
      seek: () => reads(one => seek(stage, one, a + b, b)),
      pause: () => act(one => pause(one, b, true)),
      resume: () => act(one => pause(one, b, false)),
      subscribe: () => act(one => subscribe(stage, one, b)),
      leave: () => act(one => leave(stage, one, b)),
      expire: () => expire(stage, b),
      rebalance: () => cluster.members(GROUP).length > 0 && cluster.rebalance(GROUP),
      moveCoordinator: () => cluster.moveCoordinator(1 + (b % 2)),
      begin: () => reads(one => begin(one)),
      endContext: () => reads(one => endContext(stage, one, b % 3 > 0)),
      withOffsets: () => reads(one => workWithOffsets(stage, one, 1 + (a % 12), b)),
      commitFault: () => this.#commits.faults.next(commitFault(stage.isConsumer, variant.isStatic, a, b), 1 + 2 * (b % 4)),
      groupFault: () => groupFault(cluster, this.#raging(), stage.isConsumer, variant.isStatic, a, b),
      moveLeader: () => cluster.moveLeader('orders', a % TOPICS.orders, 1 + (b % 2)),
      newTopic: () => this.#newTopic(),
      rest: () => this.#rest(),
    };
    ledger.note(`-- ${kind} ${a} ${b} ${member?.name}`);
    await steps[kind]();
    await this.#pass(member, b);
    stage.check();
  }

  /** Whatever happened: at rest somebody reads everything, and every message was handed out. */
  async finish(): Promise<void> {
    const stage = this.#stage;
    const { cluster, ledger, variant } = stage;
    ledger.note('-- finish');
    join(stage, 0);
    await this.#rest();
    if (stage.open().length === 0) {
      join(stage, 0); // who had the place was on its way out
      await this.#rest();
    }
    const [last = assert.fail(), ...others] = stage.open();
    for (const member of others) leave(stage, member, 0);
    await stage.inTime('the others leave', Promise.all(others.flatMap(({ calls }) => [...calls])));
    await last.consumer.setTopicPartitions(...cluster.topics.keys());
    last.wants = () => true;
    if (!variant.isStatic) await stage.until('the others have left', () => cluster.members(GROUP).length === 1);
    await this.#rest();
    const isAtEnd = () => {
      const ends = last.consumer.offsets().map(({ topic, partition, position }) => position === cluster.offsets(topic, partition).end);
      return ends.length === ledger.places.size && ends.every(is => is);
    };
    const began = performance.now();
    while (!isAtEnd()) {
      assert.ok(performance.now() - began < LATE_MS, 'not all messages came');
      await getTold(last, 40, { block: 1, timeoutMs: 20 });
      markAll(stage, last);
      stage.check();
    }
    await getTold(last, 1, { block: false });
    markAll(stage, last);
    await last.consumer.commit();
    stage.check();
    ledger.checkComplete();
    for (const place of ledger.places.values())
      assert.ok((ledger.stored(place) ?? 0) > (place.log.at(-1) ?? -1), `all of ${place.name} is committed: ${ledger.stored(place)}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#stage.members.map(({ client }) => client.close({ timeoutMs: 1 }).catch(() => {})));
    await this.#stage.cluster.close();
    await turn();
    process.off('unhandledRejection', this.#unhandled);
  }

  /** Whether what was set now goes wrong still. */
  #raging(): () => boolean {
    const storm = this.#storm;
    return () => storm === this.#storm;
  }

  /** Nothing goes wrong any more, and everybody comes to rest. */
  #rest(): Promise<void> {
    this.#storm += 1;
    this.#commits.faults.calm();
    return rest(this.#stage);
  }

  /** A moment for what was begun. */
  async #pass(member: Member | undefined, b: number): Promise<void> {
    for (let i = 0; i < 4 + (b % 4) && member?.reading !== undefined; i++) await turn();
    if (member?.reading !== undefined && b % 2 === 0) await Promise.race([member.reading.ended, delay(3)]);
    else await turn();
  }

  #append(n: number): void {
    const { ledger } = this.#stage;
    const places = [...ledger.places.values()];
    const place = places[n % places.length];
    if (place !== undefined) ledger.append(place, 1 + (n % 9), n % 5 === 0 ? n % 4 : 0);
  }

  #newTopic(): void {
    const { cluster, ledger } = this.#stage;
    if (ledger.places.has('more/0')) return;
    cluster.createTopic('more', 2);
    for (const partition of [0, 1]) ledger.append(ledger.add('more', partition), 5, 0);
  }
}
