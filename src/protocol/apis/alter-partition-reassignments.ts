import { defineApi } from '../define-api.js';
import { array, int16, int32, string } from '../schema.js';

/**
 * AlterPartitionReassignments (key 45): has partitions kept by other brokers, or leaves a move that is under way (KIP-455).
 * v0 flexible.
 * Source: https://kafka.apache.org/protocol, "AlterPartitionReassignments API".
 */
export const AlterPartitionReassignments = defineApi({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  clientThrottles: 0,
  route: 'controller',
  request: {
    timeoutMs: int32.default(60000),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        replicas: array(int32).nullable().default(null), // null: leave the move
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    responses: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    }),
  },
});
