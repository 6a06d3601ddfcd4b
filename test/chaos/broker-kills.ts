import type { KafkaNode } from '../kafka/node.js';

/** Kills one broker at a time. */
export class BrokerKills {
  readonly #nodes: readonly KafkaNode[];
  readonly #next: () => number;
  readonly #inSync: () => Promise<void>;
  #away: KafkaNode | undefined;
  #back = Promise.resolve();

  /** @param inSync Waits until a broker that came back holds what the others do. */
  constructor(nodes: readonly KafkaNode[], next: () => number, inSync: () => Promise<void>) {
    this.#nodes = nodes;
    this.#next = next;
    this.#inSync = inSync;
  }

  /** Kills one of them, once the one before is back. */
  async kill(): Promise<void> {
    await this.#back;
    this.#away = this.#nodes[Math.floor(this.#next() * this.#nodes.length)];
    await this.#away?.kill();
  }

  /** Begins to bring it back. */
  restart(): void {
    this.#back = (this.#away?.restart() ?? Promise.resolve()).then(this.#inSync);
    this.#back.catch(() => {}); // told by who waits for it
  }

  untilBack(): Promise<void> {
    return this.#back;
  }
}
