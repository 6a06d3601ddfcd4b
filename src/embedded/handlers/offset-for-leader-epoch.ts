import { OffsetForLeaderEpoch, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { findLed, findTopic, type NamedTopic } from './leadership.js';

type Wanted = RequestIn<typeof OffsetForLeaderEpoch>['topics'][number]['partitions'][number];
type PartitionAnswer = ResponseInput<typeof OffsetForLeaderEpoch>['topics'][number]['partitions'][number];

/** Where the epoch of a leader ended. */
export const offsetForLeaderEpoch = handler({
  api: OffsetForLeaderEpoch,
  versions: OffsetForLeaderEpoch.versions,
  answer: call => ({
    topics: call.body.topics.map(({ topic: name, partitions }) => {
      const topic = findTopic(call.cluster, name, '', false);
      return { topic: name, partitions: partitions.map(wanted => answerPartition(call, topic, wanted)) };
    }),
  }),
});

function answerPartition(call: Call<typeof OffsetForLeaderEpoch>, topic: NamedTopic, wanted: Wanted): PartitionAnswer {
  const { partition: index, currentLeaderEpoch, leaderEpoch } = wanted;
  const { partition, error } = findLed(call, topic, index, currentLeaderEpoch);
  if (partition === undefined || error !== 0) return { partition: index, errorCode: error };
  const end = partition.epochs.endOf(leaderEpoch, partition.log.endOffset);
  return { partition: index, errorCode: 0, leaderEpoch: end?.epoch, endOffset: end?.endOffset };
}
