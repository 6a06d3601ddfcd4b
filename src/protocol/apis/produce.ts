import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, records, string, struct, timestamp, uuid } from '../schema.js';

/**
 * Produce (key 0): appends record batches. With `acks: 0` the broker sends no answer.
 * v2 message format v1, append time; v3 record format v2, transactions; v4 KAFKA_STORAGE_ERROR may be answered; v5 log start offset;
 * v6 the answer comes before throttling; v7 zstd (KIP-110); v8 errors per record (KIP-467); v9 flexible; v10 new leaders in the answer
 * (KIP-951); v11 TRANSACTION_ABORTABLE may be answered; v12 adds partitions to a transaction by itself, only where
 * `transaction.version` is 2 (KIP-890); v13 topic ids (KIP-516). Brokers from 4.0 on list v0 to v2 and refuse them (KAFKA-18659).
 * Source: https://kafka.apache.org/protocol, "Produce API".
 */
export const Produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: [2, 13],
  flexible: 9,
  clientThrottles: 6,
  route: 'leader',
  request: {
    transactionalId: string.from(3).nullable().default(null),
    acks: int16, // -1: all in-sync replicas
    timeoutMs: int32,
    topicData: array({
      name: string.range(0, 12).ignorable(),
      topicId: uuid.from(13).ignorable(),
      partitionData: array({
        index: int32,
        records: records.nullable(),
      }),
    }),
  },
  response: {
    responses: array({
      name: string.range(0, 12).ignorable(),
      topicId: uuid.from(13).ignorable(),
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: timestamp.from(2).default(-1).ignorable(), // -1: the records keep the time they came with
        logStartOffset: int64.from(5).default(-1).ignorable(),
        recordErrors: array({
          batchIndex: int32,
          batchIndexErrorMessage: string.nullable().default(null),
        })
          .from(8)
          .default([])
          .ignorable(),
        errorMessage: string.from(8).nullable().default(null).ignorable(),
        currentLeader: struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) }).tag(0, 10),
      }),
    }),
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    nodeEndpoints: array({ nodeId: int32, host: string, port: int32, rack: string.nullable().default(null) }).tag(0, 10),
  },
});
