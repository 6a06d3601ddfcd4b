import { errorNumbers } from '../../base/broker-errors.js';
import { DescribeGroups, type ResponseInput } from '../../protocol/index.js';
import type { ClassicGroup } from '../groups/classic-group.js';
import { NOTHING } from '../groups/classic-member.js';
import { type Call, handler } from '../handler.js';
import { refusedBefore } from './group-checks.js';

type Described = ResponseInput<typeof DescribeGroups>['groups'][number];

/** The first version that has an error for a group that is not there. */
const NOT_FOUND_FROM = 6;
/** Where every client is. */
export const CLIENT_HOST = '/127.0.0.1';

/** State and members of classic groups. */
export const describeGroups = handler({
  api: DescribeGroups,
  versions: DescribeGroups.versions,
  answer: call => ({ groups: call.body.groups.map(groupId => describe(call, groupId)) }),
});

function describe(call: Call<typeof DescribeGroups>, groupId: string): Described {
  const refused = refusedBefore(call, groupId);
  if (refused !== 0) return { ...NOBODY, errorCode: refused, groupId, groupState: '' };
  const group = call.cluster.coordinator.classic(groupId);
  if (group !== undefined) return describeGroup(group, call.cluster.hasNewCoordinator);
  if (call.version < NOT_FOUND_FROM) return { ...NOBODY, errorCode: 0, groupId, groupState: 'Dead' };
  const isOther = call.cluster.coordinator.of(groupId) !== undefined;
  const errorMessage = isOther ? `Group ${groupId} is not a classic group.` : `Group ${groupId} not found.`;
  return { ...NOBODY, errorCode: errorNumbers.GROUP_ID_NOT_FOUND, errorMessage, groupId, groupState: 'Dead' };
}

/** @param shows Whether assignments are shown while they are made anew. */
function describeGroup(group: ClassicGroup, shows: boolean): Described {
  const isStable = group.state === 'Stable';
  return {
    errorCode: 0,
    groupId: group.id,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: isStable ? group.protocolName : '',
    members: group.all().map(member => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.introduction.clientId,
      clientHost: CLIENT_HOST,
      memberMetadata: isStable ? member.metadataOf(group.protocolName) : NOTHING,
      memberAssignment: isStable || shows ? member.assignment : NOTHING,
    })),
  };
}

const NOBODY = { protocolType: '', protocolData: '', members: [] };
