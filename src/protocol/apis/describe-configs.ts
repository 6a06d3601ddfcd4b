import { defineApi } from '../define-api.js';
import { array, bool, int8, int16, int32, string } from '../schema.js';

/**
 * DescribeConfigs (key 32): the configuration of topics and brokers. A broker's own is asked from that broker.
 * v1 where a value comes from, and its synonyms (KIP-226); v2 the answer comes before throttling; v3 types and documentation (KIP-569);
 * v4 flexible.
 * Source: https://kafka.apache.org/protocol, "DescribeConfigs API".
 */
export const DescribeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  clientThrottles: 2,
  route: 'any',
  request: {
    resources: array({
      resourceType: int8, // 2: topic, 4: broker
      resourceName: string,
      configurationKeys: array(string).nullable(), // null: all
    }),
    includeSynonyms: bool.from(1).default(false),
    includeDocumentation: bool.from(3).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      errorCode: int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.from(1).default(-1).ignorable(),
        isSensitive: bool,
        synonyms: array({ name: string, value: string.nullable(), source: int8 }).from(1).default([]).ignorable(),
        configType: int8.from(3).default(0).ignorable(),
        documentation: string.from(3).nullable().ignorable(),
      }),
    }),
  },
});
