import { defineApi } from '../define-api.js';
import { array, int16, string } from '../schema.js';

/**
 * SaslHandshake (key 17): names the SASL mechanism that the client will use; the answer lists those that the broker offers. Never flexible.
 * v1 the exchange behind it travels in SaslAuthenticate requests (KIP-152); behind v0 it is bytes without a frame.
 * Source: https://kafka.apache.org/protocol, "SaslHandshake API".
 */
export const SaslHandshake = defineApi({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexible: undefined,
  clientThrottles: Number.POSITIVE_INFINITY,
  route: 'any',
  request: {
    mechanism: string,
  },
  response: {
    errorCode: int16,
    mechanisms: array(string),
  },
});
