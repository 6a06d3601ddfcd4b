import { errorNumbers } from '../../base/broker-errors.js';
import { Bell } from '../../base/wait.js';
import type { GroupOffsets } from '../group-offsets.js';
import { ClassicGroup, type ClassicSurroundings } from './classic-group.js';
import { ConsumerGroup, type ConsumerSurroundings } from './consumer-group.js';
import type { Commit, Group } from './group.js';

export type AnyGroup = ClassicGroup | ConsumerGroup;

/** What the coordinators need of the cluster. */
export type CoordinatorSurroundings = Omit<ClassicSurroundings & ConsumerSurroundings, 'freshId' | 'changed'> & {
  readonly offsets: GroupOffsets;
  /** Whether it is as from 4.0 on. */
  readonly isNew: boolean;
  /** The id of the broker that coordinates a group now; -1 for none. */
  coordinatorOf(group: string): number;
};

/** The first version of OffsetCommit that may be told that there is no such group. */
const NOT_FOUND_FROM = 9;

/**
 * The group coordinators of all brokers as one: which groups there are, and of which kind. A group that only stores offsets is a classic
 * one without members. A group without members becomes one of the other kind for whoever joins it so; one with members does not.
 */
export class GroupCoordinator {
  /** Rings when something in a group has changed. */
  readonly changes = new Bell();
  readonly #around: CoordinatorSurroundings;
  readonly #groups = new Map<string, AnyGroup>();
  /** Who coordinated each group when that was last looked at. */
  readonly #places = new Map<string, number>();
  #ids = 0;

  constructor(around: CoordinatorSurroundings) {
    this.#around = around;
  }

  /** Undefined when there is no such group. */
  of(id: string): AnyGroup | undefined {
    return this.#groups.get(id) ?? (this.#around.offsets.knows(id) ? this.#add(this.#classic(id)) : undefined);
  }

  all(): readonly AnyGroup[] {
    for (const id of this.#around.offsets.groups()) this.of(id);
    return [...this.#groups.values()];
  }

  /** The classic group of that name; undefined when there is none, or it has members of the other kind. */
  classic(id: string): ClassicGroup | undefined {
    const group = this.of(id);
    if (group?.kind === 'classic') return group;
    return undefined;
  }

  /** A classic group to join; undefined when consumers of the new protocol are in it. */
  openClassic(id: string): ClassicGroup | undefined {
    const group = this.of(id);
    if (group?.kind === 'classic') return group;
    if (group !== undefined && group.state !== 'Empty') return undefined;
    group?.close();
    const fresh = this.#classic(id);
    this.#add(fresh);
    return fresh;
  }

  consumer(id: string): ConsumerGroup | undefined {
    const group = this.of(id);
    return group?.kind === 'consumer' ? group : undefined;
  }

  /** A group of the new protocol to join; undefined when members of the classic one are in it. */
  openConsumer(id: string): ConsumerGroup | undefined {
    const group = this.of(id);
    if (group?.kind === 'consumer') return group;
    if (group !== undefined && group.state !== 'Empty') return undefined;
    group?.close();
    const fresh = new ConsumerGroup(id, { ...this.#around, changed: () => this.changes.ring() });
    this.#add(fresh);
    return fresh;
  }

  /** The error number when offsets of a group may not be stored; 0 when they may, and the group is there then. */
  refuseCommit(id: string, commit: Commit): number {
    const group = this.of(id);
    if (group !== undefined) return group.refuseCommit(commit);
    if (commit.epoch < 0) return 0;
    const tells = this.#around.isNew && commit.version >= NOT_FOUND_FROM && !commit.isTransactional;
    return tells ? errorNumbers.GROUP_ID_NOT_FOUND : errorNumbers.ILLEGAL_GENERATION;
  }

  /** Removes a group with its offsets. Gives the error number, 0 for none. */
  delete(id: string): number {
    const group = this.of(id);
    if (group === undefined) return errorNumbers.GROUP_ID_NOT_FOUND;
    if (group.state !== 'Empty') return errorNumbers.NON_EMPTY_GROUP;
    this.#drop(group);
    this.#around.offsets.delete(id);
    return 0;
  }

  /** Before 4.0 a group without members and offsets goes with the last of them. */
  offsetsDeleted(group: AnyGroup): void {
    if (!this.#around.isNew && group.state === 'Empty' && this.#around.offsets.all(group.id).size === 0) this.delete(group.id);
  }

  /**
   * Hands over the groups that other brokers coordinate now. As in Kafka a classic group goes back to its last assignment: what its members
   * have said since then was in the memory of the broker before.
   */
  moved(): void {
    for (const [id, group] of [...this.#groups]) {
      const place = this.#around.coordinatorOf(id);
      if (place === this.#places.get(id)) continue;
      this.#places.set(id, place);
      if (group.kind === 'consumer') group.move();
      else this.#reload(group);
    }
  }

  #reload(group: ClassicGroup): void {
    const stored = group.handOver();
    if (stored === undefined) this.#drop(group);
    else this.#add(new ClassicGroup(group.id, this.#aroundClassic(), stored));
  }

  clear(): void {
    for (const group of this.#groups.values()) this.#drop(group);
  }

  #classic(id: string): ClassicGroup {
    return new ClassicGroup(id, this.#aroundClassic());
  }

  #aroundClassic(): ClassicSurroundings {
    return { ...this.#around, freshId: prefix => `${prefix}-${this.#freshUuid()}`, changed: () => this.changes.ring() };
  }

  /** Ids count up, and look as Kafka's do. */
  #freshUuid(): string {
    return `00000000-0000-4000-8000-${(++this.#ids).toString(16).padStart(12, '0')}`;
  }

  #add<G extends AnyGroup>(group: G): G {
    this.#groups.set(group.id, group);
    this.#places.set(group.id, this.#around.coordinatorOf(group.id));
    return group;
  }

  #drop(group: Group): void {
    this.#groups.delete(group.id);
    this.#places.delete(group.id);
    group.close();
  }
}
