import { DeleteGroups } from '../../protocol/index.js';
import { handler } from '../handler.js';
import { refusedBefore } from './group-checks.js';

/** Removes groups without members, and their offsets. */
export const deleteGroups = handler({
  api: DeleteGroups,
  versions: DeleteGroups.versions,
  answer: call => ({
    results: Array.from(new Set(call.body.groupsNames), groupId => ({
      groupId,
      errorCode: refusedBefore(call, groupId) || call.cluster.coordinator.delete(groupId),
    })),
  }),
});
