import { defineApi } from '../define-api.js';
import { int16, int32, string } from '../schema.js';

/**
 * Heartbeat (key 12): a member is still there. REBALANCE_IN_PROGRESS asks it to join again.
 * v1 throttle time; v2 the answer comes before throttling; v3 static members (KIP-345); v4 flexible.
 * Source: https://kafka.apache.org/protocol, "Heartbeat API".
 */
export const Heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  clientThrottles: 2,
  route: 'group',
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.from(3).nullable().default(null), // null: not a static member
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    errorCode: int16,
  },
});
