import { defineApi } from '../define-api.js';
import { array, bool, int8, int16, int32, string } from '../schema.js';

/**
 * IncrementalAlterConfigs (key 44): changes single settings of topics and brokers and leaves the others (KIP-339).
 * A broker's own go to that broker.
 * v1 flexible.
 * Source: https://kafka.apache.org/protocol, "IncrementalAlterConfigs API".
 */
export const IncrementalAlterConfigs = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  clientThrottles: 0,
  route: 'any',
  request: {
    resources: array({
      resourceType: int8, // 2: topic, 4: broker, 8: logger of a broker, 16: client metrics, 32: group
      resourceName: string,
      configs: array({
        name: string,
        configOperation: int8, // 0: set, 1: delete, 2: append, 3: subtract
        value: string.nullable(),
      }),
    }),
    validateOnly: bool.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    responses: array({
      errorCode: int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
    }),
  },
});
