import { defineApi } from '../define-api.js';
import { array, bool, int16, int32, int64, string } from '../schema.js';

/**
 * DescribeLogDirs (key 35): how much the asked broker stores, and where; every broker has to be asked (KIP-113).
 * v1 the answer comes before throttling; v2 flexible; v3 an error for the whole answer; v4 size of the volume, and what is free (KIP-827).
 * Source: https://kafka.apache.org/protocol, "DescribeLogDirs API".
 */
export const DescribeLogDirs = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 4],
  flexible: 2,
  clientThrottles: 1,
  route: 'any',
  request: {
    topics: array({
      topic: string,
      partitions: array(int32),
    }).nullable(), // null: all
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16.from(3).ignorable(),
    results: array({
      errorCode: int16,
      logDir: string,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          partitionSize: int64,
          offsetLag: int64,
          isFutureKey: bool, // being moved here from another directory
        }),
      }),
      totalBytes: int64.from(4).default(-1).ignorable(),
      usableBytes: int64.from(4).default(-1).ignorable(),
    }),
  },
});
