import { defineApi } from '../define-api.js';
import { array, bool, int16, int32, int64, string, uuid } from '../schema.js';

/**
 * OffsetFetch (key 9): how far a group has read. An offset of -1 without an error: nothing was committed.
 * v2 null asks for all topics, an error for the whole answer; v3 throttle time; v4 the answer comes before throttling;
 * v5 leader epoch (KIP-320); v6 flexible; v7 `requireStable`: offsets of open transactions are refused (KIP-447);
 * v8 many groups at once (KIP-709); v9 members of the new protocol (KIP-848); v10 topic ids.
 * Source: https://kafka.apache.org/protocol, "OffsetFetch API".
 */
export const OffsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexible: 6,
  clientThrottles: 4,
  route: 'group',
  request: {
    groupId: string.range(0, 7),
    topics: array({ name: string, partitionIndexes: array(int32) })
      .range(0, 7)
      .nullable(2), // null: all that the group has committed
    groups: array({
      groupId: string,
      memberId: string.from(9).nullable().default(null).ignorable(),
      memberEpoch: int32.from(9).default(-1).ignorable(),
      topics: array({
        name: string.range(8, 9).ignorable(),
        topicId: uuid.from(10).ignorable(),
        partitionIndexes: array(int32),
      }).nullable(),
    }).from(8),
    requireStable: bool.from(7).default(false),
  },
  response: {
    throttleTimeMs: int32.from(3).default(0).ignorable(),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.range(5, 7).default(-1).ignorable(),
        metadata: string.nullable(),
        errorCode: int16,
      }),
    }).range(0, 7),
    errorCode: int16.range(2, 7).default(0).ignorable(),
    groups: array({
      groupId: string,
      topics: array({
        name: string.range(8, 9).ignorable(),
        topicId: uuid.from(10).ignorable(),
        partitions: array({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: int32.default(-1).ignorable(),
          metadata: string.nullable(),
          errorCode: int16,
        }),
      }),
      errorCode: int16.default(0),
    }).from(8),
  },
});
