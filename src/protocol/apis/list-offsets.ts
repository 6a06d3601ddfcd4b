import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, int64, string, timestamp } from '../schema.js';

/**
 * ListOffsets (key 2): the offset of a time, or of an end of the log.
 * Times below zero: -1 the end, -2 the start, -3 the largest timestamp (v7, KIP-734), -4 the start on local disks (v8, KIP-405),
 * -5 the last tiered offset (v9, KIP-1005).
 * v1 one offset and its timestamp; v2 isolation, throttle time; v3 the answer comes before throttling; v4 leader epoch (KIP-320);
 * v5 OFFSET_NOT_AVAILABLE may be answered; v6 flexible; v10 time limit for reading from remote storage (KIP-1075).
 * Source: https://kafka.apache.org/protocol, "ListOffsets API".
 */
export const ListOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 10],
  flexible: 6,
  clientThrottles: 3,
  route: 'leader',
  request: {
    replicaId: int32, // -1: not a replica
    isolationLevel: int8.from(2).default(0), // 0: read_uncommitted, 1: read_committed
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        currentLeaderEpoch: int32.from(4).default(-1).ignorable(),
        timestamp,
      }),
    }),
    timeoutMs: int32.from(10).default(0).ignorable(),
  },
  response: {
    throttleTimeMs: int32.from(2).default(0).ignorable(),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: timestamp.from(1).default(-1),
        offset: int64.from(1).default(-1),
        leaderEpoch: int32.from(4).default(-1),
      }),
    }),
  },
});
