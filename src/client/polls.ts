import type { Cluster } from '../cluster/cluster.js';
import type { Purpose } from '../cluster/links.js';

/** So many fetches of one client wait at brokers without waiting for each other. */
const mostPurposes = 4;

/** Who waits on the connections of one purpose, and how many gave up there whom the broker has not answered yet. */
interface Use {
  waiting: number;
  abandoned: number;
}

/**
 * The connections of a client for single fetches. A broker answers a connection in order, so one that it holds back, for want of messages,
 * must not stand before a commit, nor before another fetch while there are few. Whoever is aborted leaves such a one behind: its connections are
 * closed as soon as nobody else waits there.
 */
export class Polls {
  readonly #cluster: Cluster;
  readonly #uses = new Map<Purpose, Use>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Runs `work` on the connections that the fewest use just now. */
  async run<T>(signal: AbortSignal | undefined, work: (purpose: Purpose) => Promise<T>): Promise<T> {
    const [purpose, use] = this.#idlest();
    use.waiting += 1;
    try {
      return await work(purpose);
    } catch (error) {
      if (signal?.aborted) use.abandoned += 1;
      throw error;
    } finally {
      use.waiting -= 1;
      if (use.waiting === 0 && use.abandoned > 0) {
        this.#uses.delete(purpose);
        this.#cluster.release(purpose);
      }
    }
  }

  #idlest(): readonly [Purpose, Use] {
    const busy = ({ waiting, abandoned }: Use) => waiting + abandoned;
    const [least] = [...this.#uses].sort(([, a], [, b]) => busy(a) - busy(b));
    if (least !== undefined && (busy(least[1]) === 0 || this.#uses.size >= mostPurposes)) return least;
    const fresh = [this.#cluster.ownPurpose(), { waiting: 0, abandoned: 0 }] as const;
    this.#uses.set(...fresh);
    return fresh;
  }
}
