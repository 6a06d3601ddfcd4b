import { asKafkaError, KafkaError, PartialError, StateError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { packageVersion } from '../base/version.js';
import type { Bounds, Cluster } from '../cluster/cluster.js';
import { placeText } from '../cluster/scatter.js';
import { isOfMembership, type MemberStanding, type Membership, reactionTo } from '../group/index.js';
import type { TransactionGroup } from '../producer/index.js';
import { ApiVersions, OffsetCommit } from '../protocol/index.js';
import type { CommitTarget } from './committer.js';
import type { SourceKit } from './partition-source.js';

/** What this needs: of the core, what is read. */
interface MemberKit extends Pick<SourceKit, 'client' | 'store'> {
  readonly core: Pick<SourceKit['core'], 'partitions'>;
}

/**
 * Where the offsets of a group are stored by one of its members. While the group is being divided anew it is tried again, for what the member
 * still reads then: the group does not know whose a partition is, and would store the offset of one that another reads by now.
 */
export function memberTarget({ client, core, store }: MemberKit, groupId: string, membership: Membership): CommitTarget | undefined {
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
      const places = new Set(offsets.map(placeText));
      const meant = core.partitions.filter(each => places.has(placeText(each)));
      for (let failures = 1; ; failures++) {
        const as = standing();
        try {
          await store.commit(groupId, offsets, bounds, as);
          return;
        } catch (thrown) {
          const said = thrown instanceof PartialError ? asKafkaError(thrown.cause) : thrown;
          if (!(said instanceof KafkaError && isOfMembership(said))) throw thrown;
          const reaction = membership.refused(said, as);
          if (reaction !== 'rejoin') throw reaction === 'failed' ? thrown : lost(said);
          const pauseMs = backoffMs(cluster.settings.retry, failures);
          if (failures >= attempts || (bounds.deadline?.remainingMs() ?? Number.POSITIVE_INFINITY) <= pauseMs) throw thrown;
          await cluster.pause(pauseMs, bounds.signal);
          // Given back meanwhile, and given again: another member may have read on from there.
          if (meant.length < places.size || meant.some(({ gone }) => gone !== undefined)) throw lost(said);
        }
      }
    },
    fetch: (partitions, bounds) => store.fetch(groupId, partitions, bounds),
    forgets: bounds => forgetsMembers(cluster, bounds),
    async forTransaction(offsets, bounds) {
      await store.assertMeant(groupId, offsets, bounds);
      await membership.steady(bounds.signal); // a transaction whose offsets are refused can only be aborted
      return standing();
    },
    refusedTransaction(error, as) {
      if (!(error instanceof KafkaError) || error.errno === undefined || !isStanding(as)) return error;
      const said = reactionTo(error);
      if (said !== 'expelled' && said !== 'outdated') return error;
      const reaction = membership.refused(error, as);
      return said === 'expelled' || reaction !== 'rejoin' ? lost(error) : error; // else the group was divided anew just then
    },
  };
}

const isStanding = (group: TransactionGroup): group is MemberStanding => group.memberId !== undefined && group.generationId !== undefined;

/** Before Kafka 2.1 (KIP-211) offsets went by the time of their commit, whether or not the group had members; since then no commit says how long they are kept. */
async function forgetsMembers(cluster: Cluster, { signal }: Bounds): Promise<boolean> {
  const asked = { clientSoftwareName: 'tidemark', clientSoftwareVersion: packageVersion };
  const { apiKeys } = await cluster.toAny(ApiVersions, asked, { signal });
  const commits = apiKeys.find(({ apiKey }) => apiKey === OffsetCommit.key);
  return commits !== undefined && commits.maxVersion < withoutRetention;
}

/** The first version of OffsetCommit that does not say how long an offset is kept. */
const withoutRetention = 5;
