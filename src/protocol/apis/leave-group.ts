import { defineApi } from '../define-api.js';
import { array, int16, int32, string } from '../schema.js';

/**
 * LeaveGroup (key 13): members leave. An administrator may name static ones.
 * v1 throttle time; v2 the answer comes before throttling; v3 many members at once (KIP-345); v4 flexible; v5 reason (KIP-800).
 * Source: https://kafka.apache.org/protocol, "LeaveGroup API".
 */
export const LeaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  clientThrottles: 2,
  route: 'group',
  request: {
    groupId: string,
    memberId: string.range(0, 2),
    members: array({
      memberId: string,
      groupInstanceId: string.nullable().default(null), // null: not a static member
      reason: string.from(5).nullable().default(null).ignorable(),
    }).from(3),
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    errorCode: int16,
    members: array({
      memberId: string,
      groupInstanceId: string.nullable(), // null: not a static member
      errorCode: int16,
    }).from(3),
  },
});
