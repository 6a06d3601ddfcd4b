import { asError } from '../base/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import type { WaitOptions } from './wait-options.js';

/** Something made from a client, which the client closes first. */
export interface Closable {
  close(options?: WaitOptions): Promise<void>;
}

/** The order in which a client closes what was made from it: what works with others, as a consumer whose loop produces; then the others. */
const turns = ['first', 'second'] as const;
export type ClosingTurn = (typeof turns)[number];

/** What was made from a client and is still open. */
export class Children {
  readonly #turns = new Map<Closable, ClosingTurn>();

  /** Remembers `child` until the function given back is called. */
  add(child: Closable, turn: ClosingTurn): () => void {
    this.#turns.set(child, turn);
    return () => this.#turns.delete(child);
  }

  /** Closes all, within one time limit; gives the first error of one that could not be closed in order. */
  async close(cluster: Pick<Cluster, 'deadline'>, timeoutMs: number): Promise<Error | undefined> {
    const deadline = cluster.deadline(timeoutMs);
    const failures: unknown[] = [];
    for (const turn of turns) {
      const children = [...this.#turns].flatMap(([child, its]) => (its === turn ? [child] : []));
      const left = timeoutMs === Number.POSITIVE_INFINITY ? null : deadline.remainingMs();
      const closed = await Promise.allSettled(children.map(child => child.close({ timeoutMs: left })));
      for (const outcome of closed) if (outcome.status === 'rejected') failures.push(outcome.reason);
    }
    return failures.length === 0 ? undefined : asError(failures[0]);
  }
}
