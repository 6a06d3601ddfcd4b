import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string, timestamp } from '../schema.js';

/**
 * DescribeProducers (key 61): who has written to a partition, and which transactions are open in it (KIP-664).
 * v0 flexible.
 * Source: https://kafka.apache.org/protocol, "DescribeProducers API".
 */
export const DescribeProducers = defineApi({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexible: 0,
  clientThrottles: 0,
  route: 'leader',
  request: {
    topics: array({
      name: string,
      partitionIndexes: array(int32),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable().default(null),
        activeProducers: array({
          producerId: int64,
          producerEpoch: int32,
          lastSequence: int32.default(-1),
          lastTimestamp: timestamp.default(-1),
          coordinatorEpoch: int32,
          currentTxnStartOffset: int64.default(-1), // -1: no transaction is open
        }),
      }),
    }),
  },
});
