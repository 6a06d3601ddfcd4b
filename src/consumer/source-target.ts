import { StateError } from '../base/errors.js';
import type { CommitTarget } from './committer.js';

/** What the source of the partitions has to commit to at the time: another while `setTopicPartitions` replaces what is read. */
export function sourceTarget(current: () => CommitTarget | undefined): CommitTarget {
  const target = (): CommitTarget => {
    const found = current();
    if (found === undefined) throw new StateError('TIDE_STATE', 'there is nowhere to commit to');
    return found;
  };
  return {
    commit: async (offsets, bounds) => target().commit(offsets, bounds),
    fetch: async (partitions, bounds) => target().fetch(partitions, bounds),
    forgets: async bounds => target().forgets(bounds),
    refusedTransaction: (error, group) => target().refusedTransaction(error, group),
    forTransaction: async (offsets, bounds) => target().forTransaction(offsets, bounds),
  };
}
