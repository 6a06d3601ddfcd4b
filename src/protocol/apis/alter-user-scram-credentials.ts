import { defineApi } from '../define-api.js';
import { array, bytes, int8, int16, int32, string } from '../schema.js';

/**
 * AlterUserScramCredentials (key 51): sets and removes SCRAM credentials (KIP-554). The password itself never travels.
 * v0 flexible.
 * Source: https://kafka.apache.org/protocol, "AlterUserScramCredentials API".
 */
export const AlterUserScramCredentials = defineApi({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  clientThrottles: 0,
  route: 'controller',
  request: {
    deletions: array({
      name: string,
      mechanism: int8, // 1: SCRAM-SHA-256, 2: SCRAM-SHA-512
    }).default([]),
    upsertions: array({
      name: string,
      mechanism: int8,
      iterations: int32,
      salt: bytes,
      saltedPassword: bytes,
    }).default([]),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: string.nullable(),
    }),
  },
});
