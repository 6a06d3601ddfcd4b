import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { BrokerError, type KafkaError } from '../base/errors.js';
import type { ClientCore } from '../client/client.js';
import { DescribeConfigs, DescribeGroups } from '../protocol/index.js';
import type { ClassicSettings } from './classic-requests.js';

/** A broker among the resources that have settings. */
const brokerResource = 4;
const bounds = ['group.min.session.timeout.ms', 'group.max.session.timeout.ms'];

/** The same refusal, with what the broker could have said of it: what the other members know, or what it allows. Never rejects. */
export async function explained(
  core: ClientCore,
  { groupId, sessionTimeoutMs }: ClassicSettings,
  assignors: readonly string[],
  error: KafkaError,
): Promise<KafkaError> {
  if (!(error instanceof BrokerError)) return error;
  const what = `join of group ${JSON.stringify(groupId)}`;
  try {
    if (error.errno === errorNumbers.INCONSISTENT_GROUP_PROTOCOL) {
      const theirs = await assignorOf(core, groupId);
      const message = `its members divide the partitions by ${theirs ?? 'another way'}, this one knows ${assignors.join(', ')} only (assignors)`;
      return brokerError(error.errno, what, { message, context: { groupId, assignors: assignors.join(), theirs: theirs ?? '' } });
    }
    if (error.errno === errorNumbers.INVALID_SESSION_TIMEOUT) {
      const [min = '?', max = '?'] = await boundsOf(core, groupId);
      const message = `sessionTimeoutMs is ${sessionTimeoutMs}, and the broker allows ${min} to ${max} (${bounds.join(', ')})`;
      return brokerError(error.errno, what, { message, context: { groupId, sessionTimeoutMs } });
    }
  } catch {
    // it is as good as it was
  }
  return error;
}

/** How a group divides its partitions, as far as it says so. */
async function assignorOf(core: ClientCore, groupId: string): Promise<string | undefined> {
  const { groups } = await core.coordinators.request('group', groupId, DescribeGroups, { groups: [groupId] }, answer => answer);
  return groups[0]?.protocolData || undefined;
}

/** The least and the longest session that the coordinator of a group allows. */
async function boundsOf(core: ClientCore, groupId: string): Promise<readonly (string | undefined)[]> {
  const id = await core.coordinators.find('group', groupId);
  const resource = { resourceType: brokerResource, resourceName: String(id), configurationKeys: bounds };
  const { results } = await core.cluster.toBroker(id, DescribeConfigs, { resources: [resource] });
  return bounds.map(name => results[0]?.configs.find(config => config.name === name)?.value ?? undefined);
}
