import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, string } from '../schema.js';

/**
 * FindCoordinator (key 10): which broker coordinates a group or a transaction.
 * v1 kind of key, error message, throttle time; v2 the answer comes before throttling; v3 flexible; v4 many keys at once (KIP-699);
 * v5 TRANSACTION_ABORTABLE may be answered (KIP-890).
 * Source: https://kafka.apache.org/protocol, "FindCoordinator API".
 */
export const FindCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 5],
  flexible: 3,
  clientThrottles: 2,
  route: 'any',
  request: {
    key: string.range(0, 3),
    keyType: int8.from(1).default(0), // 0: group, 1: transaction
    coordinatorKeys: array(string).from(4),
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    errorCode: int16.range(0, 3),
    errorMessage: string.range(1, 3).nullable().ignorable(),
    nodeId: int32.range(0, 3),
    host: string.range(0, 3),
    port: int32.range(0, 3),
    coordinators: array({
      key: string,
      nodeId: int32,
      host: string,
      port: int32,
      errorCode: int16,
      errorMessage: string.nullable(),
    }).from(4),
  },
});
