import { ApiVersions } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Every API that is offered, with its versions. */
export const apiVersions = handler({
  api: ApiVersions,
  versions: ApiVersions.versions,
  answer: ({ offered, refusal }) => ({
    errorCode: refusal({}),
    apiKeys: offered.listed().map(({ api, versions: [minVersion, maxVersion] }) => ({ apiKey: api.key, minVersion, maxVersion })),
  }),
});
