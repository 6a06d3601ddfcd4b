import { defineApi } from '../define-api.js';
import { array, bool, int16, int32, string } from '../schema.js';

/**
 * CreatePartitions (key 37): more partitions for a topic (KIP-195).
 * v1 the answer comes before throttling; v2 flexible; v3 THROTTLING_QUOTA_EXCEEDED may be answered (KIP-599).
 * Source: https://kafka.apache.org/protocol, "CreatePartitions API".
 */
export const CreatePartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  clientThrottles: 1,
  route: 'controller',
  request: {
    topics: array({
      name: string,
      count: int32, // in all, not in addition
      assignments: array({
        brokerIds: array(int32),
      }).nullable(), // null: the broker chooses
    }),
    timeoutMs: int32,
    validateOnly: bool.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      name: string,
      errorCode: int16,
      errorMessage: string.nullable().default(null),
    }),
  },
});
