import { defineApi } from '../define-api.js';
import { array, bool, int16, int32, int64, string } from '../schema.js';

/**
 * ApiVersions (key 18): which APIs and versions a broker speaks, and which cluster-wide features are on.
 * v1 throttle time; v2 the answer comes before throttling; v3 flexible, name of the client, features (KIP-511, KIP-584);
 * v4 features may begin at version 0. The response header is never flexible. A broker that does not know the version asked
 * answers in v0 with UNSUPPORTED_VERSION.
 * Source: https://kafka.apache.org/protocol, "ApiVersions API".
 */
export const ApiVersions = defineApi({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexible: 3,
  clientThrottles: 2,
  route: 'any',
  request: {
    clientSoftwareName: string.from(3).ignorable(),
    clientSoftwareVersion: string.from(3).ignorable(),
  },
  response: {
    errorCode: int16,
    apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
    throttleTimeMs: int32.from(1).default(0).ignorable(),
    supportedFeatures: array({ name: string, minVersion: int16, maxVersion: int16 }).tag(0, 3).ignorable(),
    finalizedFeaturesEpoch: int64.default(-1).tag(1, 3).ignorable(), // -1: unknown, and so is the next field
    finalizedFeatures: array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 }).tag(2, 3).ignorable(),
    zkMigrationReady: bool.default(false).tag(3, 3).ignorable(),
  },
});
