import { KafkaError, StateError, TimeoutError } from '../base/errors.js';
import { type Deferred, deferred, orAborted, settledWithin } from '../base/wait.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { Membership, MembershipEvents, Rebalance } from '../group/index.js';
import type { CommitTarget } from './committer.js';
import { GroupPlacing } from './group-placing.js';
import { givingUpWithin, lastCommitMs } from './last-commits.js';
import { memberTarget } from './member-target.js';
import type { Partition } from './partition.js';
import type { SourceKit } from './partition-source.js';
import type { Placement } from './placement.js';
import { PollWatch } from './poll-watch.js';

export interface GroupReadingSettings {
  readonly groupId: string;
  readonly maxPollIntervalMs: number;
  readonly revokeDrainMs: number;
}

/** Reads what a group gives to this member, and gives it back in order: what is in hand is waited for, and what is done is committed first. */
export class GroupReading implements MembershipEvents {
  readonly target: CommitTarget | undefined;
  readonly #kit: SourceKit;
  readonly #settings: GroupReadingSettings;
  readonly #placement: Placement;
  readonly #placing: GroupPlacing;
  readonly #membership: Membership;
  readonly #watch: PollWatch;
  /** Settled when the group has given this member something, or nothing, for the first time since it was asked. */
  #asked: Deferred<void> | undefined;
  /** Since when the group could not be asked, of the time that somebody has waited for that. */
  #delayedSince: number | undefined;
  /** What the group has said last, being done. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #over = deferred();

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
    this.#placing = new GroupPlacing(kit, placement, signal);
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

  /** Becomes a member; resolves when that has led to something. @throws KafkaError why the group does not take it, or could not be asked. */
  async prepare(signal: AbortSignal): Promise<void> {
    if (this.#asked === undefined) this.#delayedSince = undefined;
    const asked = (this.#asked ??= deferred());
    this.#watch.start();
    this.#membership.start();
    await orAborted(asked.promise, signal);
    await orAborted(this.#placing.tried(), signal);
  }

  assigned(given: readonly ForPartition[]): Promise<void> {
    return this.#inTurn(async () => {
      const { core, emit } = this.#kit;
      const partitions = given.map(({ topic, partition }) => this.#placement.newPartition(topic, partition));
      // What was begun while it had them may still be stored, if the group has not gone on: where it stands, that is asked for afterwards.
      const hadSome = given.some(place => core.departures.whyGone(place) !== undefined);
      core.assign([...core.partitions, ...partitions]);
      emit('assigned', { partitions: given });
      await core.callbacks.run('onAssign', given);
      this.#placing.begin(partitions, hadSome ? core.commitsSettled() : undefined);
    });
  }

  revoked(taken: readonly ForPartition[]): Promise<void> {
    return this.#inTurn(async () => {
      const { core, emit } = this.#kit;
      const partitions = this.#these(taken);
      const { maxPollIntervalMs, revokeDrainMs } = this.#settings;
      const within = givingUpWithin(revokeDrainMs, maxPollIntervalMs, this.#requestTimeoutMs);
      const failure = await core.departures.drain(partitions, within);
      this.#told(failure);
      // In the time that took, the group has gone on without this member: what is done could not be committed, and is another's to do again.
      if (failure instanceof KafkaError && failure.code === 'TIDE_PARTITION_LOST') return this.#gone(taken, failure);
      await core.callbacks.run('onRevoke', taken);
      core.departures.remove(partitions, 'the group has given the partition to another member');
      emit('revoked', { partitions: taken });
    });
  }

  leaving(held: readonly ForPartition[]): Promise<void> {
    return this.#inTurn(async () => {
      const { maxPollIntervalMs } = this.#settings;
      this.#told(await this.#kit.core.departures.drain(this.#these(held), givingUpWithin(0, maxPollIntervalMs, this.#requestTimeoutMs)));
    });
  }

  lost(taken: readonly ForPartition[], why: KafkaError): Promise<void> {
    return this.#inTurn(() => this.#gone(taken, why));
  }

  async #gone(taken: readonly ForPartition[], why: KafkaError): Promise<void> {
    const { core, emit } = this.#kit;
    core.departures.remove(this.#these(taken), `the group has gone on without this member (${why.message})`);
    emit('lost', { partitions: taken, error: why });
    await core.callbacks.run('onLost', taken);
  }

  settled(rebalance: Rebalance): void {
    this.#kit.emit('rebalance', rebalance);
    this.#asked?.resolve();
    this.#asked = undefined;
  }

  /** Who waits until it is a member is told why that takes so long; it goes on asking. */
  delayed(error: KafkaError): void {
    const now = this.#kit.client.cluster.clock.now();
    this.#delayedSince ??= now;
    if (this.#asked === undefined || now - this.#delayedSince < this.#requestTimeoutMs) return;
    this.#refuse(this.#asked, error);
  }

  failed(error: KafkaError): void {
    this.#watch.stop();
    if (this.#asked === undefined) return this.#kit.core.unprepare(error);
    this.#refuse(this.#asked, error);
  }

  #refuse(asked: Deferred<void>, error: KafkaError): void {
    this.#asked = undefined;
    asked.promise.catch(() => {}); // the reader may have left
    asked.reject(error);
  }

  /**
   * Leaves the group; what is done is committed already. What it holds is given up, as far as there is time. Called again while that is under way,
   * it gives it no more time than this.
   * @param replaced Why it is not read here any more; undefined when nothing is.
   * @throws Error what `onRevoke` threw; `TIDE_TIMEOUT` when a callback has not come to its end. The group is left all the same.
   */
  async close(timeoutMs: number, replaced?: string): Promise<void> {
    this.#watch.stop();
    const { cluster } = this.#kit.client;
    const deadline = cluster.deadline(timeoutMs);
    let failure: Error | undefined;
    const given = this.#inTurn(async () => {
      failure = await this.#giveAll(replaced);
    });
    if (!(await settledWithin(cluster.clock, given, timeoutMs)))
      failure = new TimeoutError(`close(): a callback of the group has not come to its end within ${timeoutMs} ms (timeoutMs)`);
    this.#closed = true;
    this.#over.resolve();
    this.#asked?.resolve(); // who waits for that asks what has taken its place
    await this.#membership.close(Math.max(lastCommitMs, deadline.remainingMs()));
    if (failure !== undefined) throw failure;
  }

  async #giveAll(replaced: string | undefined): Promise<Error | undefined> {
    const { core, emit } = this.#kit;
    const partitions = core.partitions.map(({ topic, partition }) => ({ topic, partition }));
    this.#closed = true;
    if (partitions.length === 0) return undefined;
    const failure = await core.callbacks.run('onRevoke', partitions);
    if (replaced !== undefined) core.departures.remove(core.partitions, replaced);
    emit('revoked', { partitions });
    return failure;
  }

  /** One thing after the other, and nothing after closing, when what hangs is not waited for any more. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(() => (this.#closed ? undefined : work()));
    return Promise.race([this.#last, this.#over.promise]);
  }

  get #requestTimeoutMs(): number {
    return this.#kit.client.cluster.settings.requestTimeoutMs;
  }

  /** Why a commit that nobody waits for failed, if it did. */
  #told(error: Error | undefined): void {
    if (error !== undefined) this.#kit.emit('commitFailed', { error });
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
}
