import { defineApi } from '../define-api.js';
import { NOT_ASKED } from '../not-asked.js';
import { array, bool, int8, int16, int32, string, struct, uuid } from '../schema.js';

/**
 * ConsumerGroupDescribe (key 69): state, members and assignments of groups of the new protocol (KIP-848).
 * v0 flexible; v1 kind of member (KIP-1099).
 * Source: https://kafka.apache.org/protocol, "ConsumerGroupDescribe API".
 */
export const ConsumerGroupDescribe = defineApi({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexible: 0,
  clientThrottles: 0,
  route: 'group',
  request: {
    groupIds: array(string),
    includeAuthorizedOperations: bool.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    groups: array({
      errorCode: int16,
      errorMessage: string.nullable().default(null),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: array({
        memberId: string,
        instanceId: string.nullable().default(null),
        rackId: string.nullable().default(null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: string.nullable().default(null),
        assignment: struct({
          topicPartitions: array({
            topicId: uuid,
            topicName: string,
            partitions: array(int32),
          }),
        }),
        targetAssignment: struct({
          topicPartitions: array({
            topicId: uuid,
            topicName: string,
            partitions: array(int32),
          }),
        }),
        memberType: int8.from(1).default(-1).ignorable(), // 0: classic protocol, 1: new protocol, -1: unknown
      }),
      authorizedOperations: int32.default(NOT_ASKED),
    }),
  },
});
