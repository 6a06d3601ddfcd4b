import { ZERO_UUID } from '../../bytes/reader.js';
import { defineApi } from '../define-api.js';
import { array, bool, int8, int16, int32, string, uuid } from '../schema.js';

/**
 * CreateTopics (key 19).
 * v1 `validateOnly`, error messages; v2 throttle time; v3 the answer comes before throttling; v4 -1 takes the broker's defaults (KIP-464);
 * v5 flexible, the topic's configuration in the answer (KIP-525); v6 THROTTLING_QUOTA_EXCEEDED may be answered (KIP-599);
 * v7 topic id in the answer.
 * Source: https://kafka.apache.org/protocol, "CreateTopics API".
 */
export const CreateTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [0, 7],
  flexible: 5,
  clientThrottles: 3,
  route: 'controller',
  request: {
    topics: array({
      name: string,
      numPartitions: int32, // -1: the broker's default, or as `assignments` say
      replicationFactor: int16, // -1: the same
      assignments: array({ partitionIndex: int32, brokerIds: array(int32) }).default([]),
      configs: array({ name: string, value: string.nullable() }).default([]),
    }),
    timeoutMs: int32.default(60000),
    validateOnly: bool.from(1).default(false),
  },
  response: {
    throttleTimeMs: int32.from(2).default(0).ignorable(),
    topics: array({
      name: string,
      topicId: uuid.from(7).default(ZERO_UUID).ignorable(),
      errorCode: int16,
      errorMessage: string.from(1).nullable().ignorable(),
      topicConfigErrorCode: int16.tag(0, 5).ignorable(),
      numPartitions: int32.from(5).default(-1).ignorable(),
      replicationFactor: int16.from(5).default(-1).ignorable(),
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.default(-1).ignorable(),
        isSensitive: bool,
      })
        .from(5)
        .nullable()
        .default([])
        .ignorable(),
    }),
  },
});
