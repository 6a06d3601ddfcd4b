import { defineApi } from '../define-api.js';
import { array, int16, int32, int64, string } from '../schema.js';

/**
 * ListTransactions (key 66): the transactions that the asked broker coordinates; every broker has to be asked (KIP-664).
 * v0 flexible; v1 only those that last long already (KIP-994).
 * Source: https://kafka.apache.org/protocol, "ListTransactions API".
 */
export const ListTransactions = defineApi({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 1],
  flexible: 0,
  clientThrottles: 0,
  route: 'any',
  request: {
    stateFilters: array(string).default([]), // empty: all
    producerIdFilters: array(int64).default([]), // empty: all
    durationFilter: int64.from(1).default(-1), // in ms; below 0: all
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
});
