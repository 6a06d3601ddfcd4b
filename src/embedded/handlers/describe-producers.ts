import { DescribeProducers, type ResponseInput } from '../../protocol/index.js';
import { handler } from '../handler.js';
import type { Partition } from '../topic.js';
import { findLed, findTopic } from './leadership.js';

type Active = ResponseInput<typeof DescribeProducers>['topics'][number]['partitions'][number]['activeProducers'][number];

/** Who has written to partitions. */
export const describeProducers = handler({
  api: DescribeProducers,
  versions: DescribeProducers.versions,
  answer: call => ({
    topics: call.body.topics.map(({ name, partitionIndexes }) => {
      const topic = findTopic(call.cluster, name, '', false);
      const partitions = partitionIndexes.map(partitionIndex => {
        const { partition, error: errorCode } = findLed(call, topic, partitionIndex);
        const activeProducers = partition === undefined || errorCode !== 0 ? [] : active(partition);
        return { partitionIndex, errorCode, activeProducers };
      });
      return { name, partitions };
    }),
  }),
});

function active({ producers, transactions }: Partition): Active[] {
  return Array.from(producers.all(), ([producerId, { epoch, appended, lastTimestamp, coordinatorEpoch }]) => ({
    producerId,
    producerEpoch: epoch,
    lastSequence: appended[0]?.lastSequence ?? -1,
    lastTimestamp,
    coordinatorEpoch,
    currentTxnStartOffset: transactions.openedAt(producerId) ?? -1,
  }));
}
