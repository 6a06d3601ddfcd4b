import { errorNumbers } from '../../base/broker-errors.js';
import { LeaveGroup } from '../../protocol/index.js';
import { handler } from '../handler.js';
import { refusedMember } from './group-checks.js';

/** The first version that takes many members out at once. */
const MANY_FROM = 3;

/** Members of a classic group leave, or are taken out. */
export const leaveGroup = handler({
  api: LeaveGroup,
  versions: LeaveGroup.versions,
  answer(call) {
    const { body, cluster, version } = call;
    const refused = refusedMember(call, body.groupId);
    if (refused !== 0) return { errorCode: refused, members: [] };
    const leaving = version >= MANY_FROM ? body.members : [{ memberId: body.memberId, groupInstanceId: null }];
    const members = leaving.map(({ memberId, groupInstanceId }) => ({
      memberId,
      groupInstanceId,
      errorCode: errorNumbers.UNKNOWN_MEMBER_ID,
    }));
    const errors = cluster.coordinator
      .classic(body.groupId)
      ?.leave(leaving.map(({ memberId, groupInstanceId: instanceId }) => ({ memberId, instanceId })));
    for (const [i, member] of members.entries()) member.errorCode = errors?.[i] ?? member.errorCode;
    if (version < MANY_FROM) return { errorCode: members[0]?.errorCode ?? 0 };
    return { errorCode: 0, members };
  },
});
