import { checkList } from '../client/inputs.js';
import type { OffsetSpec } from '../client/list-offsets.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { ConsumerCore } from './core.js';
import type { Partition } from './partition.js';
import type { PartitionSource } from './partition-source.js';
import type { Placing } from './placing.js';
import { seekTargets, type Whence } from './seek-targets.js';
import { assertStillRead } from './still-read.js';

/** What the calls that move a consumer work with. */
export interface MovingKit<At> {
  readonly core: ConsumerCore;
  readonly placing: Placing;
  readonly source: PartitionSource<At>;
  /** @throws KafkaError `TIDE_STATE` without a group. */
  stored(what: string): StoredOffsets;
}

/** What the group has stored of each; undefined where nothing is. */
export type StoredOffsets = (partitions: readonly ForPartition[], bounds: Bounds) => Promise<readonly (GroupOffset | undefined)[]>;

type Within = Bounds & { readonly signal: AbortSignal };

/** The calls that put partitions elsewhere, by the user's choice: all of those that are meant, or none. */
export class Moving<At> {
  readonly #kit: MovingKit<At>;

  constructor(kit: MovingKit<At>) {
    this.#kit = kit;
  }

  /** To `offset`, or `offset` from where `whence` says. */
  async seek(offset: number, whence: Whence | undefined, at: At | undefined, what: string, bounds: Within): Promise<void> {
    const { core, source } = this.#kit;
    core.assertUnheld(what);
    await this.#prepareFor(at, what, bounds.signal);
    const partitions = at === undefined ? core.partitions : [source.find(at, what)];
    const targets = whence === undefined ? partitions.map(() => offset) : await this.#targets(partitions, offset, whence, what, bounds);
    this.#move(partitions, at !== undefined, what, () => {
      for (const [i, target] of targets.entries()) partitions[i]?.seek(target);
    });
  }

  /** To the offset that `to` means for each. */
  async seekTo(to: OffsetSpec, places: readonly At[] | undefined, what: string, bounds: Within): Promise<void> {
    this.#kit.core.assertUnheld(what);
    await this.#prepareFor(places?.[0], what, bounds.signal);
    const chosen = this.chosen(places, what);
    const targets = await this.#kit.placing.choose(chosen, to, bounds);
    this.#move(chosen, places !== undefined, what, () => {
      for (const [i, partition] of chosen.entries()) if (partition.gone === undefined) partition.seek(targets[i] ?? 0);
    });
  }

  /** To where the policy says, which it gives. */
  async reset(at: At, what: string, bounds: Within): Promise<number> {
    const { core, source, placing } = this.#kit;
    core.assertUnheld(what);
    await core.prepare(what, bounds.signal);
    const found = source.find(at, what);
    const target = await placing.target(found, bounds);
    this.#move([found], true, what, () => found.place(target));
    return found.position;
  }

  /** To what is stored for the group; a partition of which nothing is stays. */
  async toStored(places: readonly At[] | undefined, what: string, bounds: Within): Promise<void> {
    const { core } = this.#kit;
    const storedOf = this.#kit.stored(what);
    core.assertUnheld(what);
    await core.prepare(what, bounds.signal);
    const chosen = this.chosen(places, what);
    const stored = await storedOf(chosen, bounds);
    this.#move(chosen, places !== undefined, what, () => {
      for (const [i, partition] of chosen.entries()) {
        const { offset, leaderEpoch } = stored[i] ?? {};
        if (offset === undefined) continue;
        partition.place(offset, leaderEpoch);
        partition.committed = offset;
      }
    });
  }

  /** The partitions that are meant; undefined: all that are read. */
  chosen(places: readonly At[] | undefined, what: string): readonly Partition[] {
    const { core, source } = this.#kit;
    return places === undefined ? core.partitions : [...new Set(places.map(place => source.find(place, what)))];
  }

  /** @throws KafkaError `TIDE_INPUT` for what are no partitions. */
  check(places: readonly At[] | undefined, what: string): void {
    if (places === undefined) return;
    checkList(places, what);
    for (const place of places) this.#kit.source.check(place as At, what);
  }

  /**
   * Moves, unless something has come in between.
   * @param named Whether the user has named these: then none of them may have gone.
   */
  #move(partitions: readonly Partition[], named: boolean, what: string, move: () => void): void {
    const { core } = this.#kit;
    core.assertOpen(what);
    core.assertUnheld(what);
    assertStillRead(partitions, place => core.departures.whyGone(place), named, what);
    move();
    core.moved();
  }

  /** The partition, or every one, is known after this. One that is read already is not waited for: it may be given just now, and told to a callback. */
  async #prepareFor(at: At | undefined, what: string, signal: AbortSignal): Promise<void> {
    const { core, source } = this.#kit;
    const place = at === undefined ? undefined : source.check(at, what);
    const isRead = core.partitions.some(({ topic, partition }) => topic === place?.topic && partition === place.partition);
    if (isRead) core.assertOpen(what);
    else await core.prepare(what, signal);
  }

  async #targets(
    partitions: readonly Partition[],
    offset: number,
    whence: Whence,
    what: string,
    bounds: Bounds,
  ): Promise<readonly number[]> {
    if (whence === 1) this.#kit.core.assertPlaced(partitions);
    const starts = await this.#kit.placing.list(partitions, 'earliest', bounds);
    const ends = await this.#kit.placing.list(partitions, 'latest', bounds);
    const bounded = partitions.map(({ topic, partition, position }, i) => {
      return { topic, partition, position, start: starts[i] ?? 0, end: ends[i] ?? 0 };
    });
    return seekTargets(bounded, offset, whence, what);
  }
}
