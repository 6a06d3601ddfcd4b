import { errorNumbers } from '../../base/broker-errors.js';
import { AddPartitionsToTxn } from '../../protocol/index.js';
import { handler } from '../handler.js';
import type { Partition } from '../topic.js';
import { fencedAs } from './fenced.js';

/** Takes partitions into a transaction: all of them or, when one is refused, none. */
export const addPartitionsToTxn = handler({
  api: AddPartitionsToTxn,
  versions: AddPartitionsToTxn.versions,
  answer({ body, cluster, broker, version, refusal }) {
    const id = body.v3AndBelowTransactionalId;
    const who = { producerId: body.v3AndBelowProducerId, producerEpoch: body.v3AndBelowProducerEpoch };
    const found: Partition[] = [];
    const refused = new Map<string, number>();
    for (const { name, partitions } of body.v3AndBelowTopics) {
      for (const index of partitions) {
        const partition = cluster.partition(name, index);
        const missing = partition === undefined ? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION : 0;
        const error = refusal({ topic: name, partition: index, group: id }) || missing;
        if (error !== 0) refused.set(`${name}/${index}`, error);
        else if (partition !== undefined) found.push(partition);
      }
    }
    const ofAll = (): number => {
      if (refused.size > 0) return errorNumbers.OPERATION_NOT_ATTEMPTED;
      if (id !== '' && cluster.coordinatorOf(id)?.id !== broker) return errorNumbers.NOT_COORDINATOR;
      return fencedAs(cluster.transactions.extend(id, who, { partitions: found }), version >= 2);
    };
    const others = ofAll();
    return {
      resultsByTopicV3AndBelow: body.v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map(partitionIndex => ({
          partitionIndex,
          partitionErrorCode: refused.get(`${name}/${partitionIndex}`) ?? others,
        })),
      })),
    };
  },
});
