import { ApiVersions } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';

/** Groups of the new protocol (KIP-848), by the name under which the cluster says that it is for them. */
const GROUPS = 'group.version';
const TRANSACTIONS = 'transaction.version';
/** The first version that may show a feature which begins at level 0. */
const ZERO_FROM = 4;

/** Every API that is offered, with its versions, and which groups and transactions the cluster is for. */
export const apiVersions = handler({
  api: ApiVersions,
  versions: ApiVersions.versions,
  answer: call => ({
    errorCode: call.refusal({}),
    apiKeys: call.offered.listed().map(({ api, versions: [minVersion, maxVersion] }) => ({ apiKey: api.key, minVersion, maxVersion })),
    ...features(call),
  }),
});

/** Releases before 4.0 do not know these features. */
function features({ cluster, version }: Call<typeof ApiVersions>) {
  if (!cluster.hasNewCoordinator) return {};
  const levels = [
    { name: GROUPS, last: 1, level: 1 },
    { name: TRANSACTIONS, last: 2, level: cluster.transactionVersion },
  ];
  return {
    supportedFeatures: version < ZERO_FROM ? [] : levels.map(({ name, last }) => ({ name, minVersion: 0, maxVersion: last })),
    finalizedFeaturesEpoch: 0,
    finalizedFeatures: levels
      .filter(({ level }) => level > 0)
      .map(({ name, level }) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
  };
}
