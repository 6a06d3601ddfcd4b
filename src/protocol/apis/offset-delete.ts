import { defineApi } from '../define-api.js';
import { array, int16, int32, string } from '../schema.js';

/**
 * OffsetDelete (key 47): forgets how far a group has read, of topics it is not subscribed to (KIP-496). Never flexible.
 * Source: https://kafka.apache.org/protocol, "OffsetDelete API".
 */
export const OffsetDelete = defineApi({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexible: undefined,
  clientThrottles: 0,
  route: 'group',
  request: {
    groupId: string,
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
      }),
    }),
  },
  response: {
    errorCode: int16,
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
});
