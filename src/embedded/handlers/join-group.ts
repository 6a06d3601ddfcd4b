import { errorNumbers } from '../../base/broker-errors.js';
import { JoinGroup } from '../../protocol/index.js';
import type { JoinAnswer } from '../groups/classic-member.js';
import { type Call, handler } from '../handler.js';
import { refusedMember } from './group-checks.js';

/** The first version with a time limit of its own for rejoining. */
const REBALANCE_TIMEOUT_FROM = 1;
const MEMBER_ID_REQUIRED_FROM = 4;
/** The first version in which no protocol is null. */
const NULL_FROM = 7;
const SKIP_FROM = 9;

/** Becomes a member of a classic group, or stays one; answered when all of them have asked. */
export const joinGroup = handler({
  api: JoinGroup,
  versions: JoinGroup.versions,
  async answer(call) {
    const answer = await join(call);
    return { ...answer, protocolName: answer.protocolName ?? (call.version < NULL_FROM ? '' : null) };
  },
});

function join(call: Call<typeof JoinGroup>): JoinAnswer | Promise<JoinAnswer> {
  const { body, cluster, version, request } = call;
  const { memberId, groupId, groupInstanceId: instanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols } = body;
  const refused = refusedMember(call, groupId);
  if (refused !== 0) return { ...NOBODY, errorCode: refused, memberId };
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = cluster.options;
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
    return { ...NOBODY, errorCode: errorNumbers.INVALID_SESSION_TIMEOUT, memberId };
  }
  // Only a newcomer makes a group.
  const group = memberId === '' ? cluster.coordinator.openClassic(groupId) : cluster.coordinator.classic(groupId);
  if (group === undefined) {
    const isOther = cluster.coordinator.of(groupId) !== undefined;
    const errorCode = isOther ? errorNumbers.INCONSISTENT_GROUP_PROTOCOL : errorNumbers.UNKNOWN_MEMBER_ID;
    return { ...NOBODY, errorCode, memberId };
  }
  return group.join({
    memberId,
    instanceId,
    clientId: request.clientId ?? '',
    sessionTimeoutMs,
    rebalanceTimeoutMs: version < REBALANCE_TIMEOUT_FROM ? sessionTimeoutMs : rebalanceTimeoutMs,
    protocolType,
    protocols: protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })), // the request goes on to be shown as it came
    needsId: version >= MEMBER_ID_REQUIRED_FROM,
    maySkip: version >= SKIP_FROM,
  });
}

const NOBODY = { generationId: -1, protocolName: null, leader: '', members: [] };
