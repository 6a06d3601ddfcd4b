import { errorNumbers } from '../../base/broker-errors.js';
import { LeaveGroup } from '../../protocol/index.js';
import { handler } from '../handler.js';
import { refusedMember } from './group-checks.js';

/** The first version that takes many members out at once. */
const MANY_FROM = 3;
const UNKNOWN = errorNumbers.UNKNOWN_MEMBER_ID;

/** Members of a group leave, or are taken out: also of the new protocol, by whoever asks for it. */
export const leaveGroup = handler({
  api: LeaveGroup,
  versions: LeaveGroup.versions,
  answer(call) {
    const { body, cluster, version } = call;
    const refused = refusedMember(call, body.groupId);
    if (refused !== 0) return { errorCode: refused, members: [] };
    const leaving = version >= MANY_FROM ? body.members : [{ memberId: body.memberId, groupInstanceId: null }];
    const named = leaving.map(({ memberId, groupInstanceId: instanceId }) => ({ memberId, instanceId }));
    const errors = cluster.coordinator.of(body.groupId)?.leave(named);
    const members = leaving.map(({ memberId, groupInstanceId }, i) => ({ memberId, groupInstanceId, errorCode: errors?.[i] ?? UNKNOWN }));
    return version < MANY_FROM ? { errorCode: members[0]?.errorCode ?? 0 } : { errorCode: 0, members };
  },
});
