import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string } from '../schema.js';

/**
 * DeleteRecords (key 21): removes what is older than an offset.
 * v1 the answer comes before throttling; v2 flexible.
 * Source: https://kafka.apache.org/protocol, "DeleteRecords API".
 */
export const DeleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  clientThrottles: 1,
  route: 'leader',
  request: {
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        offset: int64, // the first to keep; -1: the end of the log
      }),
    }),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        lowWatermark: int64,
        errorCode: int16,
      }),
    }),
  },
});
