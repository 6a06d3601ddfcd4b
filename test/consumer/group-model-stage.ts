import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.js';
import { settledWithin } from '../../src/base/wait.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { type Api, ConsumerGroupHeartbeat, JoinGroup, SyncGroup } from '../../src/protocol/index.js';
import { GROUP, Ledger } from './group-ledger.js';
import type { Member } from './group-model-member.js';
import type { GroupVariant } from './group-model-variants.js';

/** What does not come back, or to rest, in so many ms never will. */
export const LATE_MS = 20_000;
export const SLOTS = 3;

/** Counts what happens. */
export type Counting = (what: string) => void;

/** Who and what a run consists of, and what has gone wrong in it. */
export class Stage {
  readonly cluster: EmbeddedCluster;
  readonly variant: GroupVariant;
  readonly ledger: Ledger;
  readonly count: Counting;
  /** Who is there. */
  readonly slots: (Member | undefined)[] = Array.from({ length: SLOTS });
  /** Who is, or was, there. */
  readonly members: Member[] = [];
  readonly #failures: unknown[] = [];

  constructor(cluster: EmbeddedCluster, variant: GroupVariant, count: Counting) {
    this.cluster = cluster;
    this.variant = variant;
    this.count = count;
    this.ledger = new Ledger(cluster);
    this.#listen();
  }

  get isConsumer(): boolean {
    return this.variant.protocol === 'consumer';
  }

  open(): Member[] {
    return this.slots.filter(each => each?.state === 'open').filter(each => each !== undefined);
  }

  /** The sessions of those that are closed are over: of static members, and of others where the faults have eaten that they leave. */
  forget(): void {
    for (const { instanceId, clientId, memberId } of this.cluster.members(GROUP)) {
      // By the new protocol a name is not given to another before it was released; by the classic one it keeps the client of its first.
      const byInstance = instanceId !== null && !this.isConsumer;
      const isThere = this.slots.some(each => (byInstance ? each?.instanceId === instanceId : each?.name === clientId));
      if (!isThere) this.cluster.expireMember(GROUP, memberId);
    }
  }

  fail(error: unknown): void {
    this.#failures.push(error);
  }

  /** What fails where somebody else would hear of it fails the step. */
  held(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  check(): void {
    for (const member of this.members) this.held(() => member.check());
    const [first] = this.#failures;
    if (first === undefined) return;
    const text = first instanceof Error ? first.stack : String(first);
    throw new Error(`${text}\nbefore that:\n${this.ledger.story}`, { cause: first });
  }

  async inTime(what: string, work: Promise<unknown>): Promise<void> {
    if (!(await settledWithin(systemClock, work, LATE_MS))) {
      const busy = this.members.map(({ name, reading, calls, state }) => `${name} ${state} ${reading?.what} ${calls.size}`);
      this.fail(new Error(`waited in vain: ${what} (${this.cluster.groupState(GROUP)}; ${busy.join(', ')})`));
      this.check();
    }
    await work;
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    for (const began = performance.now(); !holds(); await delay(1)) {
      this.check();
      if (performance.now() - began < LATE_MS) continue;
      const read = this.members
        .filter(({ state }) => state === 'open')
        .map(({ name, tenures, reading }) => `${name}: ${[...tenures.keys()]} ${reading?.what}`);
      const members = this.cluster.members(GROUP).map(({ clientId, epoch, partitions }) => `${clientId} ${epoch} ${partitions}`);
      this.fail(
        new Error(`waited in vain: ${what} (${this.cluster.groupState(GROUP)}: ${members.join('; ')}. They read ${read.join('; ')})`),
      );
      this.check();
    }
  }

  /** What members say to the group belongs to the story. */
  #listen(): void {
    const note = (api: Api, client: string | null, text: string): false => {
      this.ledger.note(`${client}: ${api.name} ${text}`);
      return false; // and nothing comes of it
    };
    this.cluster.on(JoinGroup, ({ api, clientId, body }) => note(api, clientId, body.memberId)).drop(Number.POSITIVE_INFINITY);
    this.cluster.on(SyncGroup, ({ api, clientId, body }) => note(api, clientId, `${body.generationId}`)).drop(Number.POSITIVE_INFINITY);
    this.cluster
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
}
