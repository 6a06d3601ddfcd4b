import { defineApi } from '../define-api.js';
import { array, bool, bytes, int16, int32, string } from '../schema.js';

/**
 * JoinGroup (key 11): becomes a member of a group, or stays one through a rebalance; answered when all members have asked.
 * The leader is told who they are.
 * v1 time limit for rejoining; v2 throttle time; v3 the answer comes before throttling; v4 a newcomer is given its id with
 * MEMBER_ID_REQUIRED and asks again (KIP-394); v5 static members (KIP-345); v6 flexible; v7 kind of protocol in the answer (KIP-559);
 * v8 reason (KIP-800); v9 a leader that comes back may be told to leave the assignment as it is (KIP-814).
 * Source: https://kafka.apache.org/protocol, "JoinGroup API".
 */
export const JoinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  clientThrottles: 3,
  route: 'group',
  request: {
    groupId: string,
    sessionTimeoutMs: int32, // without a heartbeat for so long a member is out
    rebalanceTimeoutMs: int32.from(1).default(-1).ignorable(), // -1: the session timeout
    memberId: string, // empty: a newcomer
    groupInstanceId: string.from(5).nullable().default(null), // null: not a static member
    protocolType: string,
    protocols: array({
      name: string,
      metadata: bytes,
    }),
    reason: string.from(8).nullable().default(null).ignorable(),
  },
  response: {
    throttleTimeMs: int32.from(2).default(0).ignorable(),
    errorCode: int16,
    generationId: int32.default(-1),
    protocolType: string.from(7).nullable().default(null).ignorable(),
    protocolName: string.nullable(7), // null, from v7 on, and empty before: none was chosen
    leader: string,
    skipAssignment: bool.from(9).default(false),
    memberId: string,
    members: array({
      memberId: string,
      groupInstanceId: string.from(5).nullable().default(null).ignorable(),
      metadata: bytes,
    }),
  },
});
