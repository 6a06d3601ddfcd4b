import { errorNumbers } from '../../base/broker-errors.js';
import { OffsetCommit, type RequestIn } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { findTopic, type NamedTopic } from './leadership.js';

type PartitionCommit = RequestIn<typeof OffsetCommit>['topics'][number]['partitions'][number];

/** Kafka's offset.metadata.max.bytes. */
export const MAX_METADATA_BYTES = 4096;

/** Stores offsets of clients that are no members of their group. */
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
  const { cluster, body, broker, refusal } = call;
  const { groupId } = body;
  const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } = wanted;
  const refused = refusal({ topic: name, partition: partitionIndex, group: groupId });
  if (refused !== 0) return refused;
  if (cluster.coordinatorOf(groupId)?.id !== broker) return errorNumbers.NOT_COORDINATOR;
  // No group has members here. One that has offsets is known all the same, and lacks this member.
  const known = cluster.groups.knows(groupId);
  if (body.generationIdOrMemberEpoch >= 0) return known ? errorNumbers.UNKNOWN_MEMBER_ID : errorNumbers.ILLEGAL_GENERATION;
  if (error !== 0) return error;
  if (topic?.partitions[partitionIndex] === undefined) return errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
  cluster.groups.open(groupId);
  const metadata = committedMetadata ?? '';
  if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES) return errorNumbers.OFFSET_METADATA_TOO_LARGE;
  cluster.groups.commit(groupId, name, partitionIndex, { offset: committedOffset, metadata, leaderEpoch: committedLeaderEpoch });
  return 0;
}
