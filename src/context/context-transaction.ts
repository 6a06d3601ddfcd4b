import { orAborted } from '../base/wait.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import { type HeldTransactions, holdTransactions, type Producer, type TransactionGroup } from '../producer/index.js';

/** The transaction of a context: what is sent while it is open and the offsets of the context are committed together, or not at all. */
export class ContextTransaction {
  readonly producer: Producer<never, never>;
  readonly #held: HeldTransactions;
  #begun = false;

  /** @throws KafkaError `TIDE_STATE` while another context has the producer. */
  constructor(producer: Producer<never, never>) {
    this.producer = producer;
    this.#held = holdTransactions(producer);
  }

  async begin(bounds: Bounds): Promise<void> {
    await this.#held.begin(waitFor(bounds));
    this.#begun = true;
  }

  /** Commits with these offsets. Throws as {@link Producer.sendOffsets} and {@link Producer.commit}. */
  async commitWith(group: TransactionGroup, offsets: readonly GroupOffset[], bounds: Bounds): Promise<void> {
    await this.producer.sendOffsets(group, offsets, waitFor(bounds));
    await this.commit(bounds);
  }

  /** Commits what was sent, and no offsets. */
  async commit(bounds: Bounds): Promise<void> {
    await this.#held.commit(waitFor(bounds));
    this.#held.release();
  }

  /** No context came of it. */
  release(): void {
    this.#held.release();
  }

  /**
   * Aborts, if there is something to abort: what others have begun is theirs. Where that fails, the next transaction of this producer ends
   * this one before it begins, or the cluster does when its time is over: nobody sees what was sent in any case.
   * @param bounds.signal Ends the wait, not the abort: the next `begin()` waits for it, and `close()` of the producer does.
   */
  async abort({ signal, deadline }: Bounds): Promise<void> {
    if (!this.#begun || !this.producer.inTransaction) return this.#held.release();
    const aborted = this.#held.abort(waitFor({ deadline }));
    this.#held.release(); // what comes next waits for it
    await orAborted(aborted, signal).catch(() => {});
  }
}

function waitFor({ signal, deadline }: Bounds) {
  const timeoutMs = deadline?.remainingMs() ?? Number.POSITIVE_INFINITY;
  return { signal, timeoutMs: timeoutMs === Number.POSITIVE_INFINITY ? null : timeoutMs };
}
