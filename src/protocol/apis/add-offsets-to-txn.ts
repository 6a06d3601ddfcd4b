import { defineApi } from '../define-api.js';
import { int16, int32, int64, string } from '../schema.js';

/**
 * AddOffsetsToTxn (key 25): a group's offsets take part in a transaction from here on.
 * v1 the answer comes before throttling; v2 PRODUCER_FENCED may be answered; v3 flexible;
 * v4 TRANSACTION_ABORTABLE may be answered (KIP-890).
 * Source: https://kafka.apache.org/protocol, "AddOffsetsToTxn API".
 */
export const AddOffsetsToTxn = defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexible: 3,
  clientThrottles: 1,
  route: 'transaction',
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
  },
});
