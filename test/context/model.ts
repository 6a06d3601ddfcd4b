/** What one partition must look like while contexts come and go, in the plainest way: offsets, and which of them are done. */
export class Expected {
  /** The offsets of all messages there ever were, those that retention took included. */
  readonly log: number[] = [];
  /** False until the consumer has found where to start. */
  placed = false;
  position = 0;
  /** Where the context began in it. */
  initial = 0;
  /** What Kafka has stored; what the consumer knows of that; whether the next commit must state what is true. */
  stored: number | undefined;
  known: number | undefined;
  unsure = false;
  /** How often it became so. */
  doubts = 0;
  /** What was handed out in this epoch and not taken back, in order, with whether it is done. */
  handedOut = new Map<number, boolean>();
  /** Where this epoch began; a number for it, and one for each time that something was taken back. */
  floor = 0;
  epoch = 0;
  lease = 0;

  get next(): number | undefined {
    return this.log.find(offset => offset >= this.position);
  }

  get done(): number {
    for (const [offset, done] of this.handedOut) if (!done) return offset;
    return this.position;
  }

  get touched(): boolean {
    return this.placed && this.position !== this.initial;
  }

  get highWaterMark(): number | undefined {
    const first = [...this.handedOut].find(([offset]) => offset >= this.initial);
    return first?.[1] === true ? this.done : undefined;
  }

  /** Whether a commit of `offset` leaves out nothing that is not done. */
  allows(offset: number): boolean {
    return this.log.every(each => each < this.floor || each >= offset || this.handedOut.get(each) === true);
  }

  take(offset: number): void {
    this.handedOut.set(offset, false);
    this.position = offset + 1;
  }

  mark(from: number, to: number): void {
    for (const offset of this.handedOut.keys()) if (offset >= from && offset <= to) this.handedOut.set(offset, true);
  }

  standAt(offset: number): void {
    this.lease += 1;
    this.position = offset;
    for (const each of [...this.handedOut.keys()]) if (each >= offset) this.handedOut.delete(each);
  }

  seek(offset: number): void {
    this.standAt(0);
    this.epoch += 1;
    this.placed = true;
    this.position = this.floor = this.initial = offset;
  }
}

/** What a commit sends for a partition, and in which epoch of it. */
export interface Due {
  readonly offset: number;
  readonly epoch: number;
  /** How often the partition had become unsure by then. */
  readonly doubts: number;
}

/** A consumer with its commit contexts, over partitions that are plain lists. */
export class Model {
  readonly places: Expected[];
  readonly marking: 'loop' | 'explicit';
  inContext = false;
  attempt = 1;
  #failed: { starts: Map<Expected, number>; attempts: number } | undefined;

  constructor(partitions: number, marking: 'loop' | 'explicit') {
    this.places = Array.from({ length: partitions }, () => new Expected());
    this.marking = marking;
  }

  /** A new consumer: nothing is known, and nothing is in hand. */
  restart(): void {
    this.inContext = false;
    this.#failed = undefined;
    for (const place of this.places) Object.assign(place, { placed: false, unsure: false, handedOut: new Map() });
  }

  /** More is asked for: what came before is done, unless only marks say so. */
  ask(): void {
    if (this.marking === 'loop' && !this.inContext) for (const place of this.places) place.mark(0, Number.POSITIVE_INFINITY);
  }

  putBack(): void {
    for (const place of this.places) if (place.done < place.position) place.standAt(place.done);
  }

  begin(): void {
    this.ask();
    this.inContext = true;
    for (const place of this.places) place.initial = place.position;
    const again = this.#failed !== undefined && [...this.#failed.starts].every(([place, start]) => place.position === start);
    this.attempt = again ? (this.#failed?.attempts ?? 0) + 1 : 1;
  }

  /** What a commit of the context sends. */
  get due(): Map<Expected, Due> {
    const due = new Map<Expected, Due>();
    for (const place of this.places) {
      const mark = place.touched ? place.highWaterMark : undefined;
      if (mark !== undefined && (place.unsure || mark !== place.known))
        due.set(place, { offset: mark, epoch: place.epoch, doubts: place.doubts });
      else if (place.unsure) due.set(place, { offset: place.initial, epoch: place.epoch, doubts: place.doubts });
    }
    return due;
  }

  /** The context is over. `keeps`: which partitions stand at their marks; `unsure`: whether Kafka may hold more than is known. */
  end(failed: boolean, keeps: (place: Expected) => boolean, unsure = false): void {
    const touched = this.places.filter(place => place.touched);
    const starts = new Map(touched.map(place => [place, place.initial]));
    for (const place of touched) {
      const mark = place.highWaterMark;
      if (keeps(place)) place.standAt(mark ?? place.initial);
      else place.seek(place.initial);
      if (unsure && mark !== undefined) {
        place.unsure = true;
        place.doubts += 1;
      }
    }
    if (!failed) this.#failed = undefined;
    else if (starts.size > 0) this.#failed = { starts, attempts: this.attempt };
    this.inContext = false;
  }
}

/** Kafka has stored these offsets, and the consumer knows it, or not. Where it was moved meanwhile the next commit states that. */
export function store(due: ReadonlyMap<Expected, Due>, isKnown: boolean): void {
  for (const [place, { offset, doubts }] of due) {
    place.stored = offset;
    place.known = isKnown ? offset : undefined;
    if (isKnown && place.doubts === doubts) place.unsure = false;
  }
}
