import { defineApi } from '../define-api.js';
import { array, bool, float64, int16, int32, string } from '../schema.js';

/**
 * AlterClientQuotas (key 49): sets and removes quotas of users, clients and addresses (KIP-546).
 * v1 flexible.
 * Source: https://kafka.apache.org/protocol, "AlterClientQuotas API".
 */
export const AlterClientQuotas = defineApi({
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexible: 1,
  clientThrottles: 0,
  route: 'any',
  request: {
    entries: array({
      entity: array({
        entityType: string, // user, client-id, ip
        entityName: string.nullable(), // null: the default
      }),
      ops: array({
        key: string,
        value: float64,
        remove: bool.default(false),
      }),
    }),
    validateOnly: bool.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    entries: array({
      errorCode: int16,
      errorMessage: string.nullable(),
      entity: array({
        entityType: string, // user, client-id, ip
        entityName: string.nullable(), // null: the default
      }),
    }),
  },
});
