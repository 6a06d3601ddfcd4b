import { errorNumbers } from '../../base/broker-errors.js';
import { DescribeGroups } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';

/** State and members of groups. Those here have stored offsets, and no members. */
export const describeGroups = handler({
  api: DescribeGroups,
  versions: DescribeGroups.versions,
  answer: call => ({ groups: call.body.groups.map(groupId => describe(call, groupId)) }),
});

function describe({ cluster, broker, version, refusal }: Call<typeof DescribeGroups>, groupId: string) {
  const isKnown = cluster.groups.knows(groupId);
  const elsewhere = cluster.coordinatorOf(groupId)?.id === broker ? 0 : errorNumbers.NOT_COORDINATOR;
  const missing = isKnown || version < 6 ? 0 : errorNumbers.GROUP_ID_NOT_FOUND;
  const errorCode = refusal({ group: groupId }) || elsewhere || missing;
  const errorMessage = errorCode === missing && missing !== 0 ? `Group ${groupId} not found.` : null;
  const groupState = errorCode !== 0 && errorCode !== missing ? '' : isKnown ? 'Empty' : 'Dead';
  return { errorCode, errorMessage, groupId, groupState, protocolType: '', protocolData: '', members: [] };
}
