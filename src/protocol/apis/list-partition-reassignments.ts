import { defineApi } from '../define-api.js';
import { array, int16, int32, string } from '../schema.js';

/**
 * ListPartitionReassignments (key 46): the partitions that are being moved (KIP-455).
 * v0 flexible.
 * Source: https://kafka.apache.org/protocol, "ListPartitionReassignments API".
 */
export const ListPartitionReassignments = defineApi({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  clientThrottles: 0,
  route: 'controller',
  request: {
    timeoutMs: int32.default(60000),
    topics: array({
      name: string,
      partitionIndexes: array(int32),
    })
      .nullable()
      .default(null), // null: all
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        replicas: array(int32),
        addingReplicas: array(int32),
        removingReplicas: array(int32),
      }),
    }), // null: all
  },
});
