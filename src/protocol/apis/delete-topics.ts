import { ZERO_UUID } from '../../bytes/reader.js';
import { defineApi } from '../define-api.js';
import { array, int16, int32, string, uuid } from '../schema.js';

/**
 * DeleteTopics (key 20).
 * v1 throttle time; v2 the answer comes before throttling; v3 TOPIC_DELETION_DISABLED may be answered; v4 flexible;
 * v5 error messages, THROTTLING_QUOTA_EXCEEDED may be answered (KIP-599); v6 topics by name or by id (KIP-516).
 * Source: https://kafka.apache.org/protocol, "DeleteTopics API".
 */
export const DeleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [0, 6],
  flexible: 4,
  clientThrottles: 2,
  route: 'controller',
  request: {
    topics: array({
      name: string.nullable().default(null), // null: by id
      topicId: uuid.default(ZERO_UUID),
    }).from(6),
    topicNames: array(string).range(0, 5).ignorable(),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    responses: array({
      name: string.nullable(6),
      topicId: uuid.from(6).default(ZERO_UUID).ignorable(),
      errorCode: int16,
      errorMessage: string.from(5).nullable().default(null).ignorable(),
    }),
  },
});
