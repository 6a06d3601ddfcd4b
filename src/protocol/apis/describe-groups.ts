import { defineApi } from '../define-api.js';
import { NOT_ASKED } from '../not-asked.js';
import { array, bool, bytes, int16, int32, string } from '../schema.js';

/**
 * DescribeGroups (key 15): state and members of classic groups. A group that does not exist is "Dead" without an error, before v6.
 * v1 throttle time; v2 the answer comes before throttling; v3 authorised operations (KIP-430); v4 static members (KIP-345); v5 flexible;
 * v6 GROUP_ID_NOT_FOUND, error messages (KIP-1043).
 * Source: https://kafka.apache.org/protocol, "DescribeGroups API".
 */
export const DescribeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  clientThrottles: 2,
  route: 'group',
  request: {
    groups: array(string),
    includeAuthorizedOperations: bool.from(3).default(false),
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    groups: array({
      errorCode: int16,
      errorMessage: string.from(6).nullable().default(null),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: string.from(4).nullable().default(null).ignorable(),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes, // empty unless the group is stable
        memberAssignment: bytes,
      }),
      authorizedOperations: int32.from(3).default(NOT_ASKED),
    }),
  },
});
