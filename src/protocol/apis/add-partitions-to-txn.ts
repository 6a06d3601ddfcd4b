import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string } from '../schema.js';

/**
 * AddPartitionsToTxn (key 24): partitions take part in a transaction from here on.
 * v1 the answer comes before throttling; v2 PRODUCER_FENCED may be answered; v3 flexible. Later versions are for brokers, which
 * ask in the name of many producers at once (KIP-890). That is why the fields have the names they have: they are Kafka's own.
 * Source: https://kafka.apache.org/protocol, "AddPartitionsToTxn API".
 */
export const AddPartitionsToTxn = defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 3],
  flexible: 3,
  clientThrottles: 1,
  route: 'transaction',
  request: {
    v3AndBelowTransactionalId: string,
    v3AndBelowProducerId: int64,
    v3AndBelowProducerEpoch: int16,
    v3AndBelowTopics: array({
      name: string,
      partitions: array(int32),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    resultsByTopicV3AndBelow: array({
      name: string,
      resultsByPartition: array({
        partitionIndex: int32,
        partitionErrorCode: int16,
      }),
    }),
  },
});
