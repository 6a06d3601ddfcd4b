import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string } from '../schema.js';

/**
 * DescribeTransactions (key 65): the state of transactions and their partitions (KIP-664).
 * v0 flexible.
 * Source: https://kafka.apache.org/protocol, "DescribeTransactions API".
 */
export const DescribeTransactions = defineApi({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  clientThrottles: 0,
  route: 'transaction',
  request: {
    transactionalIds: array(string),
  },
  response: {
    throttleTimeMs: int32.default(0),
    transactionStates: array({
      errorCode: int16,
      transactionalId: string,
      transactionState: string,
      transactionTimeoutMs: int32,
      transactionStartTimeMs: int64,
      producerId: int64,
      producerEpoch: int16,
      topics: array({
        topic: string,
        partitions: array(int32),
      }),
    }),
  },
});
