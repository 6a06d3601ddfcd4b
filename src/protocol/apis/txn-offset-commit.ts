import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string } from '../schema.js';

/**
 * TxnOffsetCommit (key 28): stores how far a group has read, once the transaction is committed.
 * v1 the answer comes before throttling; v2 leader epoch (KIP-320); v3 flexible, the member, so that a broker can refuse one that is gone
 * (KIP-447); v4 TRANSACTION_ABORTABLE may be answered (KIP-890); v5 adds the offsets to the transaction by itself, only where
 * `transaction.version` is 2 (KIP-890).
 * Source: https://kafka.apache.org/protocol, "TxnOffsetCommit API".
 */
export const TxnOffsetCommit = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexible: 3,
  clientThrottles: 1,
  route: 'group',
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: int32.from(3).default(-1), // -1: not a member
    memberId: string.from(3).default(''),
    groupInstanceId: string.from(3).nullable().default(null),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.from(2).default(-1).ignorable(),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
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
