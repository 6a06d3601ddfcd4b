import { errorNumbers } from '../../base/broker-errors.js';
import { OffsetCommit, type RequestIn } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { findTopic, type NamedTopic } from './leadership.js';

type PartitionCommit = RequestIn<typeof OffsetCommit>['topics'][number]['partitions'][number];

/** Kafka's offset.metadata.max.bytes. */
export const MAX_METADATA_BYTES = 4096;

/** Stores how far a group has read: for its members, or for whoever asks while it has none. */
export const offsetCommit = handler({
  api: OffsetCommit,
  versions: OffsetCommit.versions,
  answer: call => ({
    topics: call.body.topics.map(({ name, topicId, partitions }) => {
      const topic = findTopic(call.cluster, name, topicId, call.version >= 10);
      return {
        name,
        topicId,
        partitions: partitions.map(partition => ({
          partitionIndex: partition.partitionIndex,
          errorCode: commit(call, topic, partition),
        })),
      };
    }),
  }),
});

/** The error, 0 for none. */
function commit(call: Call<typeof OffsetCommit>, { name, topic, error }: NamedTopic, wanted: PartitionCommit): number {
  const { cluster, body, broker, version, refusal } = call;
  const { groupId } = body;
  const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } = wanted;
  const refused = refusal({ topic: name, partition: partitionIndex, group: groupId });
  if (refused !== 0) return refused;
  if (error !== 0) return error;
  if (topic?.partitions[partitionIndex] === undefined) return errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
  if (cluster.coordinatorOf(groupId)?.id !== broker) return errorNumbers.NOT_COORDINATOR;
  const { generationIdOrMemberEpoch: epoch, memberId, groupInstanceId: instanceId } = body;
  const wrong = cluster.coordinator.refuseCommit(groupId, { memberId, instanceId, epoch, isTransactional: false, version });
  if (wrong !== 0) return wrong;
  cluster.groups.open(groupId);
  const metadata = committedMetadata ?? '';
  if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES) return errorNumbers.OFFSET_METADATA_TOO_LARGE;
  cluster.groups.commit(groupId, name, partitionIndex, { offset: committedOffset, metadata, leaderEpoch: committedLeaderEpoch });
  return 0;
}
