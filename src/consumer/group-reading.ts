import { asKafkaError, type KafkaError, StateError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { type Deferred, deferred, orAborted } from '../base/wait.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { Membership, MembershipEvents, Rebalance } from '../group/index.js';
import type { CommitTarget } from './committer.js';
import { memberTarget } from './member-target.js';
import type { Partition } from './partition.js';
import type { SourceKit } from './partition-source.js';
import type { Placement } from './placement.js';
import { PollWatch } from './poll-watch.js';

/** What users want to do when partitions come and go. What they give is waited for. */
export interface GroupCallbacks {
  readonly onAssign: PartitionsCallback | undefined;
  readonly onRevoke: PartitionsCallback | undefined;
  readonly onLost: PartitionsCallback | undefined;
}

export type PartitionsCallback = (partitions: readonly ForPartition[]) => void | Promise<void>;

export interface GroupReadingSettings {
  readonly groupId: string;
  readonly maxPollIntervalMs: number;
  readonly revokeDrainMs: number;
  readonly callbacks: GroupCallbacks;
}

/** Reads what a group gives to this member, and gives it back in order: what is in hand is waited for, and what is done is committed first. */
export class GroupReading implements MembershipEvents {
  readonly target: CommitTarget | undefined;
  readonly #kit: SourceKit;
  readonly #settings: GroupReadingSettings;
  readonly #placement: Placement;
  readonly #membership: Membership;
  readonly #watch: PollWatch;
  readonly #signal: AbortSignal;
  /** Settled when the group has given this member something, or nothing, for the first time since it was asked. */
  #asked: Deferred<void> | undefined;
  #placing: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param signal Ends what is under way. */
  constructor(
    kit: SourceKit,
    settings: GroupReadingSettings,
    placement: Placement,
    join: (events: MembershipEvents) => Membership,
    signal: AbortSignal,
  ) {
    this.#kit = kit;
    this.#settings = settings;
    this.#placement = placement;
    this.#signal = signal;
    this.#membership = join(this);
    this.target = memberTarget(kit, settings.groupId, this.#membership);
    const { core, client } = kit;
    this.#watch = new PollWatch(
      client.cluster.clock,
      settings.maxPollIntervalMs,
      () => core.asking,
      () => this.#leave(),
    );
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** Becomes a member; resolves when that has led to something. @throws KafkaError why the group does not take it. */
  async prepare(signal: AbortSignal): Promise<void> {
    const asked = (this.#asked = deferred());
    this.#watch.start();
    this.#membership.start();
    await orAborted(asked.promise, signal);
    await orAborted(
      this.#placing.then(() => {}),
      signal,
    );
  }

  async assigned(given: readonly ForPartition[]): Promise<void> {
    const { core, emit } = this.#kit;
    const partitions = given.map(({ topic, partition }) => this.#placement.newPartition(topic, partition));
    core.assign([...core.partitions, ...partitions]);
    emit('assigned', { partitions: given });
    await this.#call(this.#settings.callbacks.onAssign, given);
    const placed = this.#place(partitions);
    this.#placing = this.#placing.then(() => placed);
  }

  async revoked(taken: readonly ForPartition[]): Promise<void> {
    const { core, emit } = this.#kit;
    const partitions = this.#these(taken);
    const failure = await core.drain(partitions, this.#settings.revokeDrainMs);
    if (failure !== undefined) emit('commitFailed', { error: failure });
    await this.#call(this.#settings.callbacks.onRevoke, taken);
    core.remove(partitions, 'the group has given the partition to another member');
    emit('revoked', { partitions: taken });
  }

  async lost(taken: readonly ForPartition[], why: KafkaError): Promise<void> {
    if (this.#closed) return;
    const { core, emit } = this.#kit;
    core.remove(this.#these(taken), `the group has gone on without this member (${why.message})`);
    emit('lost', { partitions: taken, error: why });
    await this.#call(this.#settings.callbacks.onLost, taken);
  }

  settled(rebalance: Rebalance): void {
    this.#kit.emit('rebalance', rebalance);
    this.#asked?.resolve();
    this.#asked = undefined;
  }

  failed(error: KafkaError): void {
    this.#watch.stop();
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked === undefined) return this.#kit.core.unprepare(error);
    asked.promise.catch(() => {}); // the reader may have left
    asked.reject(error);
  }

  /** Leaves the group; everything is given up already. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    this.#watch.stop();
    this.#closed = true;
    const { core, emit } = this.#kit;
    const partitions = core.partitions.map(({ topic, partition }) => ({ topic, partition }));
    if (partitions.length > 0) {
      await this.#call(this.#settings.callbacks.onRevoke, partitions);
      emit('revoked', { partitions });
    }
    await this.#membership.close(timeoutMs);
  }

  /** Puts partitions where the group stands in them, else where the policy says, however long that takes. Never rejects. */
  async #place(partitions: readonly Partition[]): Promise<void> {
    const { client, core, placing } = this.#kit;
    const { cluster } = client;
    const signal = this.#signal;
    for (let failures = 1; !signal.aborted; failures++) {
      const waiting = partitions.filter(({ placed, gone }) => !placed && gone === undefined);
      if (waiting.length === 0) return;
      try {
        const unplaced = await this.#placement.atCommitted(waiting, { signal });
        const chosen = await placing.place(unplaced, { signal });
        for (const partition of chosen) partition.held = true;
        core.moved();
        await Promise.all(chosen.map(partition => this.#store(partition)));
        core.moved();
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asKafkaError(thrown);
        if (!error.retriable) {
          for (const partition of waiting) partition.failure = error;
          return core.moved();
        }
        const pauseMs = backoffMs(cluster.settings.retry, failures);
        cluster.passing(error, pauseMs);
        await cluster.pause(pauseMs, signal).catch(() => {});
      }
    }
  }

  async #store(partition: Partition): Promise<void> {
    const { epoch } = partition;
    await this.#placement.stored(partition, this.#signal);
    if (partition.epoch === epoch) partition.held = false;
  }

  /** The reader has not come back for too long: others shall have its partitions, until it does. */
  #leave(): void {
    const { groupId, maxPollIntervalMs } = this.#settings;
    const why = new StateError(
      'TIDE_STATE',
      `group ${JSON.stringify(groupId)}: nobody has asked for more within ${maxPollIntervalMs} ms (maxPollIntervalMs); the member leaves, and joins again when somebody does`,
      { context: { groupId, maxPollIntervalMs } },
    );
    this.#kit.core.unprepare();
    void this.#membership.leave(why);
  }

  #these(given: readonly ForPartition[]): readonly Partition[] {
    const places = new Set(given.map(placeText));
    return this.#kit.core.partitions.filter(each => places.has(placeText(each)));
  }

  /** What a callback throws is for the reader. */
  async #call(callback: PartitionsCallback | undefined, partitions: readonly ForPartition[]): Promise<void> {
    try {
      await callback?.(partitions);
    } catch (error) {
      this.#kit.core.unprepare(asKafkaError(error));
    }
  }
}
