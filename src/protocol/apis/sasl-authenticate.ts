import { defineApi } from '../define-api.js';
import { bytes, int16, string, timestamp } from '../schema.js';

/**
 * SaslAuthenticate (key 36): one step of a SASL exchange, on the connection it is about (KIP-152).
 * v1 says for how long the broker takes this authentication (KIP-368); v2 flexible.
 * Source: https://kafka.apache.org/protocol, "SaslAuthenticate API".
 */
export const SaslAuthenticate = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  clientThrottles: Number.POSITIVE_INFINITY,
  route: 'any',
  request: {
    authBytes: bytes,
  },
  response: {
    errorCode: int16,
    errorMessage: string.nullable(),
    authBytes: bytes,
    sessionLifetimeMs: timestamp.from(1).default(0).ignorable(), // 0: for ever. Rounded: a token without an end makes it huge
  },
});
