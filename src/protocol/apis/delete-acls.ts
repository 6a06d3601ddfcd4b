import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, string } from '../schema.js';

/**
 * DeleteAcls (key 31): removes the access rules that match filters, and says which. For the numbers see DescribeAcls.
 * v1 kinds of pattern (KIP-290), the answer comes before throttling; v2 flexible; v3 users as resources (KIP-373).
 * Source: https://kafka.apache.org/protocol, "DeleteAcls API".
 */
export const DeleteAcls = defineApi({
  key: 31,
  name: 'DeleteAcls',
  versions: [1, 3],
  flexible: 2,
  clientThrottles: 1,
  route: 'any',
  request: {
    filters: array({
      resourceTypeFilter: int8,
      resourceNameFilter: string.nullable(), // null: any
      patternTypeFilter: int8.default(3),
      principalFilter: string.nullable(), // null: any
      hostFilter: string.nullable(), // null: any
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    filterResults: array({
      errorCode: int16,
      errorMessage: string.nullable(),
      matchingAcls: array({
        errorCode: int16,
        errorMessage: string.nullable(),
        resourceType: int8,
        resourceName: string,
        patternType: int8.default(3),
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
});
