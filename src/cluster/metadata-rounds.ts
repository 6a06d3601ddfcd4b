import type { ClusterMetadata } from './metadata.js';

/** Topics by name, or all there are. */
export type AskedTopics = ReadonlySet<string> | 'all';

/** Asks for metadata, one question after the other: what is wanted while one is on its way goes with the next, which is shared by all who want it. */
export class MetadataRounds {
  readonly #ask: (topics: AskedTopics, answered: () => void) => Promise<ClusterMetadata>;
  #next: { topics: Set<string> | 'all'; promise: Promise<ClusterMetadata> } | undefined;
  #running: Promise<unknown> | undefined;
  /** The question on its way, with what it asks about and was not found to be out of date since it left. */
  #asking: { readonly topics: Set<string>; readonly promise: Promise<ClusterMetadata> } | undefined;

  /** @param ask Asks once, and says as soon as there is an answer, or none. */
  constructor(ask: (topics: AskedTopics, answered: () => void) => Promise<ClusterMetadata>) {
    this.#ask = ask;
  }

  /** A new snapshot, fetched now, of these topics or of all. */
  refresh(names: Iterable<string> | 'all'): Promise<ClusterMetadata> {
    if (this.#next === undefined) {
      const round: { topics: Set<string> | 'all'; promise: Promise<ClusterMetadata> } = {
        topics: new Set<string>(),
        promise: this.#afterRunning(() => this.#begin(round.topics)),
      };
      this.#next = round;
    }
    const round = this.#next;
    if (names === 'all') round.topics = 'all';
    else if (round.topics !== 'all') for (const name of names) round.topics.add(name);
    return round.promise;
  }

  /** What is on its way, if it will tell how all of these are now. */
  coming(names: readonly string[]): Promise<ClusterMetadata> | undefined {
    return this.#asking !== undefined && names.every(name => this.isComing(name)) ? this.#asking.promise : undefined;
  }

  isComing(name: string): boolean {
    return this.#asking?.topics.has(name) === true;
  }

  /** The answer that is on its way may be older than what was seen of this topic. */
  outdated(name: string): void {
    this.#asking?.topics.delete(name);
  }

  #begin(topics: Set<string> | 'all'): Promise<ClusterMetadata> {
    this.#next = undefined;
    const promise = this.#ask(topics, () => {
      this.#asking = undefined;
    });
    this.#asking = { topics: new Set(topics === 'all' ? [] : topics), promise };
    return promise;
  }

  #afterRunning<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#running ?? Promise.resolve();
    const after = before.then(work, work);
    const settled = after
      .catch(() => {})
      .then(() => {
        if (this.#running === settled) this.#running = undefined;
      });
    this.#running = settled;
    return after;
  }
}
