import { errorNumbers } from '../../base/broker-errors.js';
import { ConsumerGroupHeartbeat, type ResponseInput } from '../../protocol/index.js';
import { fromListed, toListed } from '../groups/assignment.js';
import { assignors } from '../groups/assignors.js';
import { type ConsumerGroup, type Heard, JOINS, LEAVES, LEAVES_FOR_A_WHILE } from '../groups/consumer-group.js';
import { compiled } from '../groups/subscription.js';
import { type Call, handler } from '../handler.js';
import { refusedBefore } from './group-checks.js';

type Beating = Call<typeof ConsumerGroupHeartbeat>;
type Answer = ResponseInput<typeof ConsumerGroupHeartbeat>;

/** Joins, stays in and leaves a group of the new protocol (KIP-848). */
export const consumerGroupHeartbeat = handler({
  api: ConsumerGroupHeartbeat,
  versions: ConsumerGroupHeartbeat.versions,
  answer(call) {
    const { groupId } = call.body;
    const refused = refusedBefore(call, groupId) || whatIsWrong(call);
    return refused === 0 ? beat(call) : refusal(refused);
  },
});

function beat(call: Beating): Answer {
  const { body, cluster } = call;
  const { groupId, memberId, memberEpoch, instanceId } = body;
  const joins = memberEpoch === JOINS;
  const group = joins ? cluster.coordinator.openConsumer(groupId) : cluster.coordinator.consumer(groupId);
  if (group === undefined) return refusal(errorNumbers.GROUP_ID_NOT_FOUND);
  const leaves = memberEpoch === LEAVES || memberEpoch === LEAVES_FOR_A_WHILE;
  const heard = leaves ? group.lastHeartbeat(memberId, instanceId, memberEpoch) : heartbeat(call, group);
  if ('refuse' in heard) return refusal(heard.refuse);
  return {
    errorCode: 0,
    memberId,
    memberEpoch: heard.epoch,
    heartbeatIntervalMs: leaves ? 0 : cluster.options.consumerHeartbeatIntervalMs,
    assignment: heard.assigned === undefined ? null : { topicPartitions: toListed(heard.assigned) },
  };
}

function heartbeat({ body, request }: Beating, group: ConsumerGroup): Heard | { readonly refuse: number } {
  const { memberId, memberEpoch, instanceId, topicPartitions, subscribedTopicNames: names, subscribedTopicRegex: pattern } = body;
  const { rebalanceTimeoutMs } = body;
  return group.heartbeat({
    memberId,
    instanceId,
    epoch: memberEpoch,
    owned: topicPartitions === null ? undefined : fromListed(topicPartitions),
    changes: {
      clientId: request.clientId ?? '',
      rackId: body.rackId ?? undefined,
      rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? undefined : rebalanceTimeoutMs,
      assignor: body.serverAssignor ?? undefined,
      topics: names ?? undefined,
      pattern: pattern ?? undefined,
    },
    isFull: rebalanceTimeoutMs !== -1 && (names !== null || pattern !== null) && topicPartitions !== null,
  });
}

/** What is wrong with a heartbeat by itself: an error number, 0 for nothing. */
function whatIsWrong({ body }: Beating): number {
  const { groupId, memberId, memberEpoch, instanceId, rackId, topicPartitions, rebalanceTimeoutMs, serverAssignor } = body;
  const { subscribedTopicNames: names, subscribedTopicRegex: pattern } = body;
  const isEmpty = [groupId, memberId, instanceId, rackId].some(text => text?.trim() === '');
  if (isEmpty || memberEpoch < LEAVES_FOR_A_WHILE) return errorNumbers.INVALID_REQUEST;
  if (memberEpoch === LEAVES_FOR_A_WHILE && instanceId === null) return errorNumbers.INVALID_REQUEST;
  if (memberEpoch === JOINS) {
    if (rebalanceTimeoutMs === -1 || topicPartitions === null || topicPartitions.length > 0) return errorNumbers.INVALID_REQUEST;
    if (names === null && pattern === null) return errorNumbers.INVALID_REQUEST;
  }
  if (serverAssignor !== null && !assignors.has(serverAssignor)) return errorNumbers.UNSUPPORTED_ASSIGNOR;
  return pattern !== null && compiled(pattern) === undefined ? errorNumbers.INVALID_REGULAR_EXPRESSION : 0;
}

const refusal = (errorCode: number): Answer => ({ errorCode, memberEpoch: 0, heartbeatIntervalMs: 0 });
