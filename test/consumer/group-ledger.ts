import assert from 'node:assert/strict';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import type { Message } from '../../src/records/index.js';

export const GROUP = 'billing';

/** A member of the group. */
export interface Who {
  /** Its client's id. */
  readonly name: string;
  readonly instanceId: string | undefined;
}

/** One partition: what was appended, and what became of it over all members. */
export class Place {
  readonly topic: string;
  readonly partition: number;
  readonly name: string;
  readonly log: number[] = [];
  readonly handedOut = new Set<number>();
  /** Passed over by a seek: nobody need be handed these. */
  readonly passedOver = new Set<number>();
  /** Who was given it last. */
  last: Tenure | undefined;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
    this.name = `${topic}/${partition}`;
  }

  /** The first message at or behind an offset. */
  from(offset: number): number | undefined {
    return this.log.find(each => each >= offset);
  }
}

/** A partition in the hands of one member: from being given it until it was given up, in the plainest way. */
export class Tenure {
  readonly place: Place;
  readonly member: Who;
  /** Undefined until it is known where the group stood. */
  position: number | undefined;
  /** Where this epoch began; a number for it, and one for each time that something was taken back. */
  floor = 0;
  epoch = 0;
  lease = 0;
  /** What was handed out in this epoch and not taken back, in order, with whether the code is done with it. */
  handedOut = new Map<number, boolean>();
  /** Where a context began in it. */
  initial: number | undefined;
  /** Moved back since: a commit up to here may be on its way from before, and is known to be stored from before. */
  before = 0;
  movedBack = false;
  /** The callbacks: nothing is handed out before the first has ended, or after one of the others was called. */
  isOpen = false;
  isLeaving = false;
  ended: 'revoked' | 'lost' | undefined;
  /** It was told that what is done could not be committed before it was given up. */
  couldNotCommit = false;

  constructor(place: Place, member: Who) {
    this.place = place;
    this.member = member;
  }

  get done(): number {
    for (const [offset, done] of this.handedOut) if (!done) return offset;
    return this.position ?? 0;
  }

  get isInHand(): boolean {
    return this.position !== undefined && this.done < this.position;
  }

  /** It is known where it begins. */
  begin(offset: number): void {
    this.position = this.floor = offset;
  }

  take({ offset, value }: Message): void {
    assert.equal(String(value), `${this.place.name}:${offset}`);
    assert.equal(offset, this.place.from(this.position ?? 0), `the next message of ${this.place.name}, from ${this.position}`);
    this.handedOut.set(offset, false);
    this.position = offset + 1;
    this.place.handedOut.add(offset);
  }

  mark(from: number, to: number): void {
    for (const offset of this.handedOut.keys()) if (offset >= from && offset <= to) this.handedOut.set(offset, true);
  }

  markAll(): void {
    this.mark(0, Number.POSITIVE_INFINITY);
  }

  putBack(): void {
    if (this.isInHand) this.standAt(this.done);
  }

  standAt(offset: number): void {
    this.lease += 1;
    this.position = offset;
    for (const each of [...this.handedOut.keys()]) if (each >= offset) this.handedOut.delete(each);
  }

  /** A new epoch. */
  moveTo(offset: number): void {
    const { done } = this;
    this.movedBack ||= offset < done;
    this.before = Math.max(this.before, done);
    this.epoch += 1;
    this.standAt(0);
    this.begin(offset);
  }

  /** As {@link moveTo}, because the code said so: what is passed over is nobody's to read. */
  seek(offset: number): void {
    for (const each of this.place.log) if (each >= this.done && each < offset) this.place.passedOver.add(each);
    this.moveTo(offset);
  }

  /** Whether a commit of `offset` leaves out nothing that the code is not done with. */
  allows(offset: number): boolean {
    const isAllowed = this.place.log.every(each => each < this.floor || each >= offset || this.handedOut.get(each) === true);
    if (isAllowed) this.before = 0; // one commit after the other: what comes from now on was made after the move
    return isAllowed || offset <= this.before;
  }
}

/** All partitions, what is in whose hands, and what Kafka holds for their group. */
export class Ledger {
  readonly cluster: EmbeddedCluster;
  readonly places = new Map<string, Place>();
  /** What happened, the last of it: told when something is wrong. */
  readonly #story: string[] = [];

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
    for (const [topic, count] of cluster.topics) for (let i = 0; i < count; i++) this.add(topic, i);
  }

  add(topic: string, partition: number): Place {
    const place = new Place(topic, partition);
    this.places.set(place.name, place);
    return place;
  }

  place(name: string): Place {
    return this.places.get(name) ?? assert.fail(`there is no ${name}`);
  }

  note(what: string): void {
    this.#story.push(what);
    if (this.#story.length > 1000) this.#story.splice(0, 500);
  }

  get story(): string {
    return this.#story.slice(-300).join('\n');
  }

  /** What the group has stored for a partition. */
  stored(place: Place): number | undefined {
    return this.cluster.committed(GROUP).get(place.name)?.offset;
  }

  /** Whether the group counts it among its members. A static member has the place of the one before it. */
  isMember({ name, instanceId }: Who): boolean {
    return this.cluster.members(GROUP).some(each => (instanceId === undefined ? each.clientId === name : each.instanceId === instanceId));
  }

  append(place: Place, count: number, gap: number): void {
    const { topic, partition, name, log } = place;
    const first = this.cluster.offsets(topic, partition).end + gap;
    const offsets = Array.from({ length: count }, (_, i) => first + i);
    this.cluster.append(
      topic,
      partition,
      offsets.map(offset => ({ value: `${name}:${offset}` })),
      { baseOffset: first },
    );
    log.push(...offsets);
  }

  /** A member has been given a partition. Whoever had it is gone, and knows that or is out of the group. */
  given(place: Place, member: Who): Tenure {
    const { last } = place;
    const isTaken = last !== undefined && last.ended === undefined;
    const isGone = last !== undefined && last.member !== member && !this.isMember(last.member);
    assert.ok(!isTaken || isGone, `${place.name} is given to ${member.name}, and ${last?.member.name} has it`);
    place.last = new Tenure(place, member);
    return place.last;
  }

  /** Every message was handed out to somebody, or passed over by a seek. */
  checkComplete(): void {
    for (const { name, log, handedOut, passedOver } of this.places.values()) {
      const skipped = log.filter(offset => !handedOut.has(offset) && !passedOver.has(offset));
      assert.deepEqual(skipped, [], `nobody was handed these of ${name}`);
    }
  }
}
