import { defineApi } from '../define-api.js';
import { array, int16, int32, string } from '../schema.js';

/**
 * DeleteGroups (key 42): removes groups without members, with their offsets (KIP-229).
 * v1 the answer comes before throttling; v2 flexible.
 * Source: https://kafka.apache.org/protocol, "DeleteGroups API".
 */
export const DeleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  clientThrottles: 1,
  route: 'group',
  request: {
    groupsNames: array(string),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      groupId: string,
      errorCode: int16,
    }),
  },
});
