import { defineApi } from '../define-api.js';
import { bool, int16, int32, int64, string } from '../schema.js';

/**
 * EndTxn (key 26): commits or aborts a transaction.
 * v1 the answer comes before throttling; v2 PRODUCER_FENCED may be answered; v3 flexible;
 * v4 TRANSACTION_ABORTABLE may be answered (KIP-890); v5 the answer holds the id and epoch to go on with, only where
 * `transaction.version` is 2 (KIP-890).
 * Source: https://kafka.apache.org/protocol, "EndTxn API".
 */
export const EndTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  clientThrottles: 1,
  route: 'transaction',
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: bool, // false: abort
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    producerId: int64.from(5).default(-1).ignorable(),
    producerEpoch: int16.from(5).default(-1).ignorable(),
  },
});
