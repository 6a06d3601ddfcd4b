import { ApiVersions } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';

const FEATURE = 'transaction.version';
/** The first version that may show a feature which begins at level 0. */
const ZERO_FROM = 4;

/** Every API that is offered, with its versions, and which transactions the cluster is for. */
export const apiVersions = handler({
  api: ApiVersions,
  versions: ApiVersions.versions,
  answer: call => ({
    errorCode: call.refusal({}),
    apiKeys: call.offered.listed().map(({ api, versions: [minVersion, maxVersion] }) => ({ apiKey: api.key, minVersion, maxVersion })),
    ...features(call),
  }),
});

/** Releases before 4.0 do not know the feature. */
function features({ cluster, version }: Call<typeof ApiVersions>) {
  if (!cluster.hasNewCoordinator) return {};
  const level = cluster.transactionVersion;
  return {
    supportedFeatures: version < ZERO_FROM ? [] : [{ name: FEATURE, minVersion: 0, maxVersion: 2 }],
    finalizedFeaturesEpoch: 0,
    finalizedFeatures: level === 0 ? [] : [{ name: FEATURE, maxVersionLevel: level, minVersionLevel: level }],
  };
}
