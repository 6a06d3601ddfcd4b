import { assertNoMembers } from '../client/group-members.js';
import type { CommitTarget } from './committer.js';
import type { SourceKit } from './partition-source.js';

/** Where the offsets of a group are stored by a consumer that is no member of it; undefined without a group. */
export function standaloneTarget({ client, store }: SourceKit, groupId: string | undefined): CommitTarget | undefined {
  if (store === undefined || groupId === undefined) return undefined;
  return {
    commit: (offsets, bounds) => store.commit(groupId, offsets, bounds),
    fetch: (partitions, bounds) => store.fetch(groupId, partitions, bounds),
    forgets: async () => true, // the group has no members
    forTransaction: async (offsets, bounds) => {
      await store.assertMeant(groupId, offsets, bounds);
      await assertNoMembers(client, groupId, bounds);
      return { groupId };
    },
    refusedTransaction: error => error,
  };
}
