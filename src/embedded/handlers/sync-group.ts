import { errorNumbers } from '../../base/broker-errors.js';
import { SyncGroup } from '../../protocol/index.js';
import { refusedSync } from '../groups/classic-messages.js';
import { handler } from '../handler.js';
import { refusedMember } from './group-checks.js';

/** The first version that has to name the protocol. */
const NAMES_FROM = 5;

/** Takes the leader's assignment, and gives a member its own; answered when the leader has assigned. */
export const syncGroup = handler({
  api: SyncGroup,
  versions: SyncGroup.versions,
  answer(call) {
    const { body, cluster, version } = call;
    const { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName } = body;
    const refused = refusedMember(call, groupId);
    if (refused !== 0) return refusedSync(refused);
    if (version >= NAMES_FROM && (protocolType === null || protocolName === null))
      return refusedSync(errorNumbers.INCONSISTENT_GROUP_PROTOCOL);
    const group = cluster.coordinator.classic(groupId);
    if (group === undefined) return refusedSync(errorNumbers.UNKNOWN_MEMBER_ID);
    const assignments = new Map(body.assignments.map(each => [each.memberId, Buffer.from(each.assignment)]));
    return group.sync({ memberId, instanceId: groupInstanceId, generationId, protocolType, protocolName, assignments });
  },
});
