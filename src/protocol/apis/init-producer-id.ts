import { defineApi } from '../define-api.js';
import { int16, int32, int64, string } from '../schema.js';

/**
 * InitProducerId (key 22): the id and epoch of an idempotent or transactional producer. Without a transactional id any broker answers.
 * v1 the answer comes before throttling; v2 flexible; v3 the epoch of a known id can be raised (KIP-360);
 * v4 PRODUCER_FENCED, v5 TRANSACTION_ABORTABLE may be answered (KIP-890).
 * Source: https://kafka.apache.org/protocol, "InitProducerId API".
 */
export const InitProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexible: 2,
  clientThrottles: 1,
  route: 'transaction',
  request: {
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: int64.from(3).default(-1),
    producerEpoch: int16.from(3).default(-1),
  },
  response: {
    throttleTimeMs: int32.default(0).ignorable(),
    errorCode: int16,
    producerId: int64.default(-1),
    producerEpoch: int16,
  },
});
