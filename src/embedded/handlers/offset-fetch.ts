import { errorNumbers } from '../../base/broker-errors.js';
import { OffsetFetch } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { findTopic } from './leadership.js';

interface WantedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
}

interface WantedGroup {
  readonly groupId: string;
  /** Null, with an epoch of -1: nobody in particular asks. */
  readonly memberId: string | null;
  readonly memberEpoch: number;
  /** Null: all. */
  readonly topics: readonly WantedTopic[] | null;
}

/** What groups have stored. */
export const offsetFetch = handler({
  api: OffsetFetch,
  versions: OffsetFetch.versions,
  answer(call) {
    const { body, version } = call;
    if (version >= 8) {
      return { groups: body.groups.map(group => ({ groupId: group.groupId, ...fetchGroup(call, group) })) };
    }
    const wanted = body.topics?.map(topic => ({ ...topic, topicId: '' })) ?? null;
    const { errorCode, topics } = fetchGroup(call, { groupId: body.groupId, memberId: null, memberEpoch: -1, topics: wanted });
    if (errorCode === 0 || version >= 2) return { errorCode, topics };
    // v1 has no place for the error of a group but its partitions.
    const partition = (partitionIndex: number) => ({ ...NOTHING, partitionIndex, errorCode });
    return { topics: (body.topics ?? []).map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map(partition) })) };
  },
});

const NOTHING = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 };

function fetchGroup(call: Call<typeof OffsetFetch>, { groupId, memberId, memberEpoch: epoch, topics: wanted }: WantedGroup) {
  const { cluster, broker, version, refusal } = call;
  const notHere = cluster.coordinatorOf(groupId)?.id === broker ? 0 : errorNumbers.NOT_COORDINATOR;
  const notAllowed = () => cluster.coordinator.of(groupId)?.refuseFetch({ memberId, instanceId: null, epoch }) ?? 0;
  const errorCode = refusal({ group: groupId }) || notHere || notAllowed();
  if (errorCode !== 0) return { errorCode, topics: [] };
  const topics = (wanted ?? stored(call, groupId)).map(({ name: givenName, topicId, partitionIndexes }) => {
    const { name, error } = findTopic(cluster, givenName, topicId, version >= 10);
    const unknownId = error === errorNumbers.UNKNOWN_TOPIC_ID ? error : 0; // an unknown name is no error: nothing is stored for it
    const partitions = partitionIndexes.map(partitionIndex => {
      const unstable = call.body.requireStable && cluster.groups.isPending(groupId, name, partitionIndex);
      const wrong = unknownId || (unstable ? errorNumbers.UNSTABLE_OFFSET_COMMIT : 0);
      const refused = refusal({ group: groupId, topic: name, partition: partitionIndex }) || wrong;
      const committed = refused === 0 ? cluster.groups.fetch(groupId, name, partitionIndex) : undefined;
      if (committed === undefined) return { ...NOTHING, partitionIndex, errorCode: refused };
      const { offset, leaderEpoch, metadata } = committed;
      return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: 0 };
    });
    return { name: givenName, topicId, partitions };
  });
  return { errorCode: 0, topics };
}

/** All topics for which the group has stored something. */
function stored({ cluster }: Call<typeof OffsetFetch>, groupId: string): WantedTopic[] {
  return [...cluster.groups.all(groupId)].map(([name, partitions]) => ({
    name,
    topicId: cluster.topics.get(name)?.id ?? '',
    partitionIndexes: [...partitions.keys()].sort((a, b) => a - b),
  }));
}
