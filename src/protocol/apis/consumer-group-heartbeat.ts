import { defineApi } from '../define-api.js';
import { array, int16, int32, string, struct, uuid } from '../schema.js';

/**
 * ConsumerGroupHeartbeat (key 68): joins, stays in and leaves a group of the new protocol, and is told what to read (KIP-848).
 * What has not changed since the last heartbeat is null, or -1.
 * v0 flexible; v1 subscription by regular expression, the id of a member is its own choice (KIP-1082).
 * Source: https://kafka.apache.org/protocol, "ConsumerGroupHeartbeat API".
 */
export const ConsumerGroupHeartbeat = defineApi({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [1, 1],
  flexible: 0,
  clientThrottles: 0,
  route: 'group',
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32, // 0: join; -1: leave; -2: leave for a while, as a static member
    instanceId: string.nullable().default(null),
    rackId: string.nullable().default(null),
    rebalanceTimeoutMs: int32.default(-1),
    subscribedTopicNames: array(string).nullable().default(null),
    subscribedTopicRegex: string.nullable().default(null),
    serverAssignor: string.nullable().default(null),
    topicPartitions: array({
      topicId: uuid,
      partitions: array(int32),
    })
      .nullable()
      .default(null),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    memberId: string.nullable().default(null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: struct({
      topicPartitions: array({
        topicId: uuid,
        partitions: array(int32),
      }),
    })
      .nullable()
      .default(null), // null: as before
  },
});
