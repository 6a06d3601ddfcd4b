import type { ChaosProxy } from '../support/proxy.js';

/** The fewest and the most bytes between two cuts of a proxy, in one direction. */
const [FEWEST, MOST] = [500, 2_000_000];

/** Cuts all connections through each proxy, again and again, after so many bytes as the row of numbers says: in the midst of requests and answers. */
export class Cutter {
  /** How often it has cut. */
  count = 0;
  readonly #proxies: readonly ChaosProxy[];
  readonly #next: () => number;
  #over = false;

  constructor(proxies: readonly ChaosProxy[], next: () => number) {
    this.#proxies = proxies;
    this.#next = next;
    for (const proxy of proxies) void this.#keepCutting(proxy);
  }

  stop(): void {
    this.#over = true;
    for (const proxy of this.#proxies) proxy.restore();
  }

  async #keepCutting(proxy: ChaosProxy): Promise<void> {
    while (!this.#over) {
      const bytes = Math.round(FEWEST * (MOST / FEWEST) ** this.#next()); // each order of magnitude as often as the others
      await proxy.limitBytes(bytes, this.#next() < 0.5 ? 'to-server' : 'to-client');
      this.count += 1;
    }
  }
}
