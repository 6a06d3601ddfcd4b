import type { Cluster } from '../cluster/cluster.js';
import type { Purpose } from '../cluster/links.js';

/** So many fetches of one client wait at brokers without waiting for each other. */
const mostPurposes = 4;

/**
 * The connections of a client for single fetches. A broker answers a connection in order, so one that it holds back, for want of messages,
 * must not stand before a commit, nor before another fetch while there are few.
 */
export class Polls {
  readonly #cluster: Cluster;
  readonly #users = new Map<Purpose, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Runs `work` on the connections that the fewest use just now. */
  async run<T>(work: (purpose: Purpose) => Promise<T>): Promise<T> {
    const purpose = this.#idlest();
    this.#users.set(purpose, (this.#users.get(purpose) ?? 0) + 1);
    try {
      return await work(purpose);
    } finally {
      this.#users.set(purpose, (this.#users.get(purpose) ?? 1) - 1);
    }
  }

  #idlest(): Purpose {
    const [least] = [...this.#users].sort(([, a], [, b]) => a - b);
    if (least !== undefined && (least[1] === 0 || this.#users.size >= mostPurposes)) return least[0];
    return this.#cluster.ownPurpose();
  }
}
