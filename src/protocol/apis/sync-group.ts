import { defineApi } from '../define-api.js';
import { array, bytes, int16, int32, string } from '../schema.js';

/**
 * SyncGroup (key 14): asks for a member's assignment; the leader brings those of all.
 * v1 throttle time; v2 the answer comes before throttling; v3 static members (KIP-345); v4 flexible; v5 the protocol, so that a broker can
 * refuse another one (KIP-559).
 * Source: https://kafka.apache.org/protocol, "SyncGroup API".
 */
export const SyncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  clientThrottles: 2,
  route: 'group',
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.from(3).nullable().default(null), // null: not a static member
    protocolType: string.from(5).nullable().default(null).ignorable(),
    protocolName: string.from(5).nullable().default(null).ignorable(),
    assignments: array({
      memberId: string,
      assignment: bytes,
    }).default([]), // from the leader; else empty
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    errorCode: int16,
    protocolType: string.from(5).nullable().default(null).ignorable(),
    protocolName: string.from(5).nullable().default(null).ignorable(),
    assignment: bytes,
  },
});
