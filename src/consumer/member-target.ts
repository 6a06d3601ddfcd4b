import { asKafkaError, KafkaError, PartialError, StateError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { placeText } from '../cluster/scatter.js';
import { type Membership, reactionTo } from '../group/index.js';
import type { CommitTarget } from './committer.js';
import type { SourceKit } from './partition-source.js';

/**
 * Where the offsets of a group are stored by one of its members. While the group is being divided anew it is tried again, for what the member
 * still reads then: the group does not know whose a partition is, and would store the offset of one that another reads by now.
 */
export function memberTarget({ client, core, store }: SourceKit, groupId: string, membership: Membership): CommitTarget | undefined {
  if (store === undefined) return undefined;
  const { cluster } = client;
  const lost = (cause?: KafkaError): StateError =>
    new StateError('TIDE_PARTITION_LOST', `commit for group ${JSON.stringify(groupId)}: the group has gone on without this member`, {
      ...{ cause, persistence: 'no', context: { groupId } },
    });
  const standing = () => {
    const found = membership.standing;
    if (found === undefined) throw lost();
    return found;
  };
  return {
    async commit(offsets, bounds) {
      const { attempts } = bounds.policy ?? cluster.settings.retry;
      for (let failures = 1; ; failures++) {
        try {
          await store.commit(groupId, offsets, bounds, standing());
          return;
        } catch (thrown) {
          const said = thrown instanceof PartialError ? asKafkaError(thrown.cause) : thrown;
          if (!(said instanceof KafkaError)) throw thrown;
          const reaction = reactionTo(said);
          if (reaction === 'retry' || said.errno === undefined) throw thrown;
          membership.refused(said);
          if (reaction !== 'rejoin') throw reaction === 'failed' ? thrown : lost(said);
          const pauseMs = backoffMs(cluster.settings.retry, failures);
          if (failures >= attempts || (bounds.deadline?.remainingMs() ?? Number.POSITIVE_INFINITY) <= pauseMs) throw thrown;
          await cluster.pause(pauseMs, bounds.signal);
          const read = new Set(core.partitions.map(placeText));
          if (!offsets.every(each => read.has(placeText(each)))) throw lost(said);
        }
      }
    },
    fetch: (partitions, bounds) => store.fetch(groupId, partitions, bounds),
    async forTransaction(offsets, bounds) {
      await store.assertMeant(groupId, offsets, bounds);
      return standing();
    },
  };
}
