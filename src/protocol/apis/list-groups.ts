import { defineApi } from '../define-api.js';
import { array, int16, int32, string } from '../schema.js';

/**
 * ListGroups (key 16): the groups that the asked broker coordinates; every broker has to be asked.
 * v1 throttle time; v2 the answer comes before throttling; v3 flexible; v4 states (KIP-518); v5 types (KIP-848).
 * Source: https://kafka.apache.org/protocol, "ListGroups API".
 */
export const ListGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  clientThrottles: 2,
  route: 'any',
  request: {
    statesFilter: array(string).from(4).default([]), // empty: all
    typesFilter: array(string).from(5).default([]), // empty: all
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    errorCode: int16,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: string.from(4).ignorable(),
      groupType: string.from(5).ignorable(),
    }),
  },
});
