import type { KafkaNode } from '../kafka/node.js';

/** One broker at a time is killed or frozen, and comes back. */
export class Outages {
  readonly count = { killed: 0, frozen: 0 };
  readonly #nodes: readonly KafkaNode[];
  readonly #next: () => number;
  readonly #inSync: () => Promise<void>;
  #away: KafkaNode | undefined;
  #over = Promise.resolve();

  /** @param inSync Waits until a broker that came back holds what the others do. */
  constructor(nodes: readonly KafkaNode[], next: () => number, inSync: () => Promise<void>) {
    this.#nodes = nodes;
    this.#next = next;
    this.#inSync = inSync;
  }

  /** Takes one of them away, once the one before is back. */
  async begin(): Promise<'killed' | 'frozen'> {
    await this.#over;
    const node = this.#nodes[Math.floor(this.#next() * this.#nodes.length)];
    const how = this.#next() < 0.6 ? 'killed' : 'frozen';
    if (how === 'killed') await node?.kill();
    else node?.pause();
    this.#away = node;
    this.count[how] += 1;
    return how;
  }

  /** It begins to come back. */
  end(): void {
    const node = this.#away;
    if (node === undefined) return;
    if (node.paused) node.resume();
    this.#over = (node.running ? Promise.resolve() : node.restart()).then(this.#inSync);
    this.#over.catch(() => {}); // told by who waits for it
  }

  /** Resolves when the last one is back. */
  untilOver(): Promise<void> {
    return this.#over;
  }
}
