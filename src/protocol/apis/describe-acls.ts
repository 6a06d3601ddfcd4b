import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, string } from '../schema.js';

/**
 * DescribeAcls (key 29): the access rules that match a filter.
 * Numbers of resource types, operations and permissions: the enums ResourceType, AclOperation and AclPermissionType of Kafka's own client.
 * v1 kinds of pattern (KIP-290), the answer comes before throttling; v2 flexible; v3 users as resources (KIP-373).
 * Source: https://kafka.apache.org/protocol, "DescribeAcls API".
 */
export const DescribeAcls = defineApi({
  key: 29,
  name: 'DescribeAcls',
  versions: [1, 3],
  flexible: 2,
  clientThrottles: 1,
  route: 'any',
  request: {
    resourceTypeFilter: int8,
    resourceNameFilter: string.nullable(), // null: any
    patternTypeFilter: int8.default(3), // 1: any, 2: those that match, 3: literal, 4: prefix
    principalFilter: string.nullable(), // null: any
    hostFilter: string.nullable(), // null: any
    operation: int8,
    permissionType: int8,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    resources: array({
      resourceType: int8,
      resourceName: string,
      patternType: int8.default(3), // 3: literal, 4: prefix
      acls: array({
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
});
