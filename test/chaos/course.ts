import { systemClock } from '../../src/base/clock.js';
import { Bell } from '../../src/base/wait.js';

/** Longer than a producer tries to deliver a record. */
const STALLED_AFTER_MS = 150_000;

/** Something that happens once so many records are through. */
export interface Happening {
  readonly at: number;
  run(): Promise<void> | void;
}

/** Happenings one after the other, each when enough is through. Whoever sends asks here how far it may go, so that it is not done before they are. */
export class Course {
  readonly #happenings: readonly Happening[];
  readonly #aheadCount: number;
  readonly #bell = new Bell();
  #through = 0;
  #limit: number;
  #busy = false;
  #failure: unknown;

  /** @param aheadCount So many records may be given out beyond those that the next happening waits for. */
  constructor(happenings: readonly Happening[], aheadCount: number) {
    this.#happenings = [...happenings].sort((a, b) => a.at - b.at);
    this.#aheadCount = aheadCount;
    this.#limit = aheadCount;
  }

  /** Whether something happens just now. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Of so many records the next may be given out. */
  get limit(): number {
    return this.#limit;
  }

  /** So many are through now. */
  through(count: number): void {
    this.#through = count;
    this.#bell.ring();
  }

  /** Resolves when more is through, or something has happened. @throws what went wrong; Error when nothing moves any more. */
  async changed(): Promise<void> {
    const how = await this.#bell.waitFor(systemClock, STALLED_AFTER_MS);
    if (this.#failure !== undefined) throw this.#failure;
    if (how === 'late') throw new Error(`nothing has ended for ${STALLED_AFTER_MS} ms: ${this.#through} are through`);
  }

  /** Nothing more is to happen: something went wrong. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#bell.ring();
  }

  /** Resolves when all has happened. */
  async run(): Promise<void> {
    try {
      for (const happening of this.#happenings) {
        this.#limit = happening.at + this.#aheadCount;
        this.#bell.ring();
        while (this.#through < happening.at) await this.changed();
        this.#busy = true;
        await happening.run();
        this.#busy = false;
      }
      this.#limit = Number.POSITIVE_INFINITY;
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.#busy = false;
      this.#bell.ring();
    }
  }
}
