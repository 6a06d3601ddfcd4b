import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, string } from '../schema.js';

/**
 * CreateAcls (key 30): adds access rules. For the numbers see DescribeAcls.
 * v1 kinds of pattern (KIP-290), the answer comes before throttling; v2 flexible; v3 users as resources (KIP-373).
 * Source: https://kafka.apache.org/protocol, "CreateAcls API".
 */
export const CreateAcls = defineApi({
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  clientThrottles: 1,
  route: 'any',
  request: {
    creations: array({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: int8.default(3), // 3: literal, 4: prefix
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      errorCode: int16,
      errorMessage: string.nullable(),
    }),
  },
});
