import { decodeAssignment } from '../../src/group/consumer-protocol.js';
import type { KafkaClient } from '../../src/index.js';
import { ConsumerGroupDescribe, DescribeGroups, IncrementalAlterConfigs } from '../../src/protocol/index.js';

/** A group as its coordinator describes it. */
export interface GroupView {
  readonly state: string;
  /** Counts the changes of a group of the new protocol. The generation of a classic one its members know. */
  readonly epoch?: number | undefined;
  readonly members: readonly { readonly memberId: string; readonly clientId: string; readonly partitions: readonly number[] }[];
}

export type GroupProtocol = 'classic' | 'consumer';

/** Asks the coordinator. @throws KafkaError when it cannot be asked; Error with the code that it answers. */
export async function viewGroup(client: KafkaClient, groupId: string, protocol: GroupProtocol, topic: string): Promise<GroupView> {
  const to = { group: groupId };
  if (protocol === 'classic') {
    const [group] = (await client.request(DescribeGroups, { groups: [groupId] }, { to })).groups;
    if (group === undefined || group.errorCode !== 0) throw new Error(`group ${groupId}: error ${group?.errorCode}`);
    const held = (bytes: Uint8Array) => (bytes.length === 0 ? [] : decodeAssignment(bytes).partitions.filter(each => each.topic === topic));
    const members = group.members.map(({ memberId, clientId, memberAssignment }) => ({
      ...{ memberId, clientId },
      partitions: held(memberAssignment).map(({ partition }) => partition),
    }));
    return { state: group.groupState, members };
  }
  const [group] = (await client.request(ConsumerGroupDescribe, { groupIds: [groupId] }, { to })).groups;
  if (group === undefined || group.errorCode !== 0) throw new Error(`group ${groupId}: error ${group?.errorCode}`);
  const members = group.members.map(({ memberId, clientId, assignment }) => ({
    ...{ memberId, clientId },
    partitions: assignment.topicPartitions.flatMap(({ topicName, partitions }) => (topicName === topic ? partitions : [])),
  }));
  return { state: group.groupState, epoch: group.groupEpoch, members };
}

/** Settings of one group of the new protocol, by Kafka's names: the brokers' own are not touched. */
export async function configureGroup(client: KafkaClient, groupId: string, settings: Readonly<Record<string, number>>): Promise<void> {
  const configs = Object.entries(settings).map(([name, value]) => ({ name, configOperation: 0, value: String(value) }));
  const resources = [{ resourceType: 32, resourceName: groupId, configs }];
  const [answer] = (await client.request(IncrementalAlterConfigs, { resources })).responses;
  if (answer?.errorCode !== 0) throw new Error(`settings of group ${groupId}: ${answer?.errorCode} ${answer?.errorMessage}`);
}
