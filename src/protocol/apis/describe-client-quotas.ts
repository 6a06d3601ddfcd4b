import { defineApi } from '../define-api.js';
import { array, bool, float64, int8, int16, int32, string } from '../schema.js';

/**
 * DescribeClientQuotas (key 48): the quotas of users, clients and addresses (KIP-546).
 * v1 flexible.
 * Source: https://kafka.apache.org/protocol, "DescribeClientQuotas API".
 */
export const DescribeClientQuotas = defineApi({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  clientThrottles: 0,
  route: 'any',
  request: {
    components: array({
      entityType: string, // user, client-id, ip
      matchType: int8, // 0: this name, 1: the default, 2: any name
      match: string.nullable(), // null unless a name is asked for
    }),
    strict: bool.default(false), // true: no entities with further parts
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    entries: array({
      entity: array({
        entityType: string,
        entityName: string.nullable(), // null: the default
      }),
      values: array({
        key: string,
        value: float64,
      }),
    }).nullable(),
  },
});
