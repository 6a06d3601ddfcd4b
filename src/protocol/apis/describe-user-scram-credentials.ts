import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, string } from '../schema.js';

/**
 * DescribeUserScramCredentials (key 50): which users have SCRAM credentials, and of which kind; never the secrets (KIP-554).
 * v0 flexible.
 * Source: https://kafka.apache.org/protocol, "DescribeUserScramCredentials API".
 */
export const DescribeUserScramCredentials = defineApi({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  clientThrottles: 0,
  route: 'any',
  request: {
    users: array({
      name: string,
    }).nullable(), // null or empty: all
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: string.nullable(),
      credentialInfos: array({
        mechanism: int8, // 1: SCRAM-SHA-256, 2: SCRAM-SHA-512
        iterations: int32,
      }),
    }),
  },
});
