import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string, uuid } from '../schema.js';

/**
 * OffsetCommit (key 8): stores how far a group has read.
 * v3 throttle time; v5 drops retention; v6 leader epoch (KIP-320); v7 static members (KIP-345); v8 flexible;
 * v9 members of the new protocol (KIP-848); v10 topic ids.
 * Source: https://kafka.apache.org/protocol, "OffsetCommit API".
 */
export const OffsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
  clientThrottles: 4,
  route: 'group',
  request: {
    groupId: string,
    generationIdOrMemberEpoch: int32.default(-1).ignorable(), // -1: offsets are stored without being a member
    memberId: string.default('').ignorable(),
    groupInstanceId: string.from(7).nullable().default(null),
    retentionTimeMs: int64.range(2, 4).default(-1).ignorable(), // -1: the broker decides
    topics: array({
      name: string.range(0, 9).ignorable(),
      topicId: uuid.from(10).ignorable(),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.from(6).default(-1).ignorable(),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.from(3).default(0).ignorable(),
    topics: array({
      name: string.range(0, 9).ignorable(),
      topicId: uuid.from(10).ignorable(),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
});
