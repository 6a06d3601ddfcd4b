import { errorNumbers } from '../../base/broker-errors.js';
import { ConsumerGroupDescribe, type ResponseInput } from '../../protocol/index.js';
import type { ClusterState } from '../cluster-state.js';
import { type Assignment, toListed } from '../groups/assignment.js';
import type { ConsumerGroup } from '../groups/consumer-group.js';
import { type Call, handler } from '../handler.js';
import { CLIENT_HOST } from './describe-groups.js';
import { refusedMember } from './group-checks.js';

type Described = ResponseInput<typeof ConsumerGroupDescribe>['groups'][number];

/** A member that speaks the new protocol: here all of such a group do. */
const SPEAKS_NEW = 1;

/** State and members of groups of the new protocol. */
export const consumerGroupDescribe = handler({
  api: ConsumerGroupDescribe,
  versions: ConsumerGroupDescribe.versions,
  answer: call => ({ groups: call.body.groupIds.map(groupId => describe(call, groupId)) }),
});

function describe(call: Call<typeof ConsumerGroupDescribe>, groupId: string): Described {
  const { cluster } = call;
  const group = cluster.coordinator.consumer(groupId);
  const refused = refusedMember(call, groupId);
  if (group !== undefined && refused === 0) return describeGroup(cluster, group);
  const isOther = cluster.coordinator.of(groupId) !== undefined;
  const errorMessage = isOther ? `Group ${groupId} is not a consumer group.` : `Group ${groupId} not found.`;
  return { ...NOBODY, errorCode: refused || errorNumbers.GROUP_ID_NOT_FOUND, errorMessage: refused === 0 ? errorMessage : null, groupId };
}

function describeGroup(cluster: ClusterState, group: ConsumerGroup): Described {
  const listed = (assignment: Assignment) => ({
    topicPartitions: toListed(assignment).flatMap(({ topicId, partitions }) => {
      const topicName = cluster.topicById(topicId)?.name;
      return topicName === undefined ? [] : [{ topicId, topicName, partitions }];
    }),
  });
  return {
    errorCode: 0,
    groupId: group.id,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.targetEpoch,
    assignorName: group.assignor,
    members: group.all().map(member => ({
      memberId: member.id,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.epoch,
      clientId: member.clientId,
      clientHost: CLIENT_HOST,
      subscribedTopicNames: member.topics,
      subscribedTopicRegex: member.pattern,
      assignment: listed(member.assigned),
      targetAssignment: listed(group.targetOf(member.id)),
      memberType: SPEAKS_NEW,
    })),
  };
}

const NOBODY = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] };
