import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string } from '../schema.js';

/**
 * OffsetForLeaderEpoch (key 23): where an epoch of a leader ended. After a change of leader a consumer asks whether the log
 * was cut (KIP-320).
 * v2 current epoch, throttle time; v3 id of the replica that asks; v4 flexible. Before v2 for replicas only.
 * Source: https://kafka.apache.org/protocol, "OffsetForLeaderEpoch API".
 */
export const OffsetForLeaderEpoch = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  clientThrottles: 0,
  route: 'leader',
  request: {
    replicaId: int32.from(3).default(-2).ignorable(), // -1: a consumer; -2: a consumer that may see what is not replicated
    topics: array({
      topic: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.default(-1),
        leaderEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      topic: string,
      partitions: array({
        errorCode: int16,
        partition: int32,
        leaderEpoch: int32.default(-1),
        endOffset: int64.default(-1),
      }),
    }),
  },
});
