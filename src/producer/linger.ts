import type { Clock, Timer } from '../base/clock.js';
import type { Lane } from './lane.js';

/** When lanes send what they collect, and one timer for all that wait for their time. */
export class Linger {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #due: (lane: Lane) => void;
  /**
   * Lanes that wait, the one whose time comes first in front: all wait equally long, and one that has sent is not among them. One whose
   * record had to wait for its topic may stand behind others, and send later by `everyMs` at most.
   */
  readonly #waiting = new Map<Lane, number>();
  #timer: Timer | undefined;
  /** Flushes under way: nothing lingers meanwhile. */
  #pushing = 0;

  /**
   * @param everyMs How long a record may wait for others. 0: not at all.
   * @param due Told of each lane that has waited long enough.
   */
  constructor(clock: Clock, everyMs: number, due: (lane: Lane) => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#due = due;
  }

  /** Whether `lane` may send now. Otherwise it is told when it may. */
  isDue(lane: Lane): boolean {
    if (this.#everyMs === 0) return true;
    const dueAt = lane.open === undefined ? 0 : lane.open.openedAt + this.#everyMs;
    if (this.#pushing > 0 || lane.hasSealed || this.#clock.now() >= dueAt) {
      this.#waiting.delete(lane);
      return true;
    }
    if (!this.#waiting.has(lane)) this.#waiting.set(lane, dueAt);
    this.#watch();
    return false;
  }

  /** Lets nothing linger until the function it gives is called. */
  push(): () => void {
    this.#pushing += 1;
    const lanes = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const lane of lanes) this.#due(lane);
    return () => {
      this.#pushing -= 1;
    };
  }

  close(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
  }

  #watch(): void {
    const [first] = this.#waiting.values();
    if (this.#timer !== undefined || first === undefined) return;
    this.#timer = this.#clock.after(Math.max(0, first - this.#clock.now()), () => this.#elapsed());
  }

  #elapsed(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [lane, dueAt] of this.#waiting) {
      if (dueAt > now) break;
      this.#waiting.delete(lane);
      this.#due(lane);
    }
    this.#watch();
  }
}
