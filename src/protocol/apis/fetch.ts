import { ZERO_UUID } from '../../bytes/reader.js';
import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, int64, records, string, struct, uuid } from '../schema.js';

/**
 * Fetch (key 1): reads record batches. A partition's last batch may be cut off; its first one is whole, however large.
 * v2 message format v1; v3 `maxBytes`, the order of partitions counts (KIP-74); v4 isolation, record format v2; v5 log start offset;
 * v6 KAFKA_STORAGE_ERROR may be answered; v7 sessions (KIP-227); v8 the answer comes before throttling; v9 leader epoch (KIP-320);
 * v10 zstd (KIP-110); v11 rack and preferred replica (KIP-392); v12 flexible, diverging epoch, new leader; v13 topic ids (KIP-516);
 * v14 OFFSET_MOVED_TO_TIERED_STORAGE may be answered; v15 state of the replica (KIP-903); v16 addresses of new leaders (KIP-951);
 * v17 directory ids of replicas.
 * Source: https://kafka.apache.org/protocol, "Fetch API".
 */
export const Fetch = defineApi({
  key: 1,
  name: 'Fetch',
  versions: [2, 17],
  flexible: 12,
  clientThrottles: 8,
  route: 'leader',
  request: {
    clusterId: string.nullable().default(null).tag(0, 12).ignorable(),
    replicaId: int32.range(0, 14).default(-1), // -1: not a replica
    replicaState: struct({ replicaId: int32.default(-1), replicaEpoch: int64.default(-1) }).tag(1, 15),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.from(3).default(0x7fffffff).ignorable(),
    isolationLevel: int8.from(4).default(0).ignorable(), // 0: read_uncommitted, 1: read_committed
    sessionId: int32.from(7).default(0).ignorable(),
    sessionEpoch: int32.from(7).default(-1).ignorable(), // -1: no session
    topics: array({
      topic: string.range(0, 12).ignorable(),
      topicId: uuid.from(13).ignorable(),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.from(9).default(-1).ignorable(),
        fetchOffset: int64,
        lastFetchedEpoch: int32.from(12).default(-1),
        logStartOffset: int64.from(5).default(-1).ignorable(),
        partitionMaxBytes: int32,
        replicaDirectoryId: uuid.default(ZERO_UUID).tag(0, 17).ignorable(),
      }),
    }),
    forgottenTopicsData: array({
      topic: string.range(7, 12).ignorable(),
      topicId: uuid.from(13).ignorable(),
      partitions: array(int32),
    })
      .from(7)
      .default([]),
    rackId: string.from(11).default('').ignorable(),
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    errorCode: int16.from(7).default(0).ignorable(),
    sessionId: int32.from(7).default(0),
    responses: array({
      topic: string.range(0, 12).ignorable(),
      topicId: uuid.from(13).ignorable(),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64.from(4).default(-1).ignorable(),
        logStartOffset: int64.from(5).default(-1).ignorable(),
        divergingEpoch: struct({ epoch: int32.default(-1), endOffset: int64.default(-1) }).tag(0, 12),
        currentLeader: struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) }).tag(1, 12),
        snapshotId: struct({ endOffset: int64.default(-1), epoch: int32.default(-1) }).tag(2, 12),
        abortedTransactions: array({ producerId: int64, firstOffset: int64 }).from(4).nullable().default([]).ignorable(),
        preferredReadReplica: int32.from(11).default(-1),
        records: records.nullable(),
      }),
    }),
    nodeEndpoints: array({ nodeId: int32, host: string, port: int32, rack: string.nullable().default(null) }).tag(0, 16),
  },
});
