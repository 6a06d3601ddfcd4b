import { asError, TimeoutError } from '../base/errors.js';
import { settledWithin } from '../base/wait.js';
import type { Bounds, Cluster } from '../cluster/cluster.js';
import type { AutoCommit } from './auto-commit.js';
import type { Committer } from './committer.js';
import type { Partition } from './partition.js';

/** However short its time is, `close` waits so many ms for the answer to its commit. */
export const lastCommitMs = 1000;

/** How long giving partitions up may take. */
export interface GivingUp {
  /** So many ms what is in hand of them is waited for. */
  readonly drainMs: number;
  /** And so many ms their commit may take at least, however long that took. */
  readonly commitMs: number;
}

/**
 * How long a member may take to give partitions up. What is in hand may take `revokeDrainMs`, and the commit what is left of that, or as long as
 * one request may take. All of that ends before the group goes on without the member, and what was done is another's to do again: of
 * `rebalanceTimeoutMs` half is for what is in hand, a quarter for the commit, and a quarter for callbacks and for telling the group.
 */
export const givingUpWithin = (revokeDrainMs: number, rebalanceTimeoutMs: number, requestTimeoutMs: number): GivingUp => ({
  drainMs: Math.min(revokeDrainMs, rebalanceTimeoutMs / 2),
  commitMs: Math.min(requestTimeoutMs, rebalanceTimeoutMs / 4),
});

export interface LastCommitsSettings {
  readonly cluster: Cluster;
  readonly committer: Committer;
  /** Undefined: only when asked. */
  readonly autoCommit: AutoCommit | undefined;
  /** Ends what is under way when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** The last commits for partitions, where commits are automatic: tried again as often as there is time for, since no trigger will come. */
export class LastCommits {
  readonly #settings: LastCommitsSettings;

  constructor(settings: LastCommitsSettings) {
    this.#settings = settings;
  }

  /** Commits where these stand, which go to others. Gives why that was not possible in time. */
  async ofLeaving(partitions: readonly Partition[], timeoutMs: number): Promise<Error | undefined> {
    const { autoCommit, committer } = this.#settings;
    if (autoCommit === undefined) return undefined;
    return this.#within(timeoutMs, bounds => committer.commitOnly(partitions, bounds)).then(() => undefined, asError);
  }

  /** Waits for the commit under way, and commits everything: nothing is begun after that. Gives why that was not possible in time. */
  async ofAll(timeoutMs: number): Promise<Error | undefined> {
    const { autoCommit, cluster, committer } = this.#settings;
    const committed = committer.stop().then(async () => {
      if (autoCommit !== undefined) await this.#within(timeoutMs, bounds => committer.commit(bounds));
    });
    if (await settledWithin(cluster.clock, committed, timeoutMs)) return committed.then(() => undefined, asError);
    return new TimeoutError(`close(): the last commit got no answer within ${Math.round(timeoutMs)} ms (timeoutMs)`, {
      persistence: 'maybe',
    });
  }

  #within(timeoutMs: number, commit: (bounds: Bounds) => Promise<boolean>): Promise<boolean> {
    const { cluster, signal } = this.#settings;
    const policy = { ...cluster.settings.retry, attempts: Number.MAX_SAFE_INTEGER };
    const bounds = { deadline: cluster.deadline(timeoutMs), policy, signal };
    return cluster.retrying(() => commit(bounds), bounds);
  }
}
