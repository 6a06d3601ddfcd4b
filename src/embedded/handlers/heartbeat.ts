import { errorNumbers } from '../../base/broker-errors.js';
import { Heartbeat } from '../../protocol/index.js';
import { handler } from '../handler.js';
import { refusedMember } from './group-checks.js';

/** A member of a classic group is still there. */
export const heartbeat = handler({
  api: Heartbeat,
  versions: Heartbeat.versions,
  answer(call) {
    const { groupId, memberId, groupInstanceId, generationId } = call.body;
    const group = call.cluster.coordinator.classic(groupId);
    const beat = () => group?.heartbeat(memberId, groupInstanceId, generationId) ?? errorNumbers.UNKNOWN_MEMBER_ID;
    return { errorCode: refusedMember(call, groupId) || beat() };
  },
});
