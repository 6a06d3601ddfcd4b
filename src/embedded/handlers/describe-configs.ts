import { errorNumbers } from '../../base/broker-errors.js';
import { DescribeConfigs, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { configEntries } from '../topic-configs.js';

type Wanted = RequestIn<typeof DescribeConfigs>['resources'][number];
type ResourceAnswer = ResponseInput<typeof DescribeConfigs>['results'][number];

const TOPIC = 2;
const BROKER = 4;

/** The configuration of topics. Brokers have none that could be asked for. */
export const describeConfigs = handler({
  api: DescribeConfigs,
  versions: DescribeConfigs.versions,
  answer: call => ({ results: call.body.resources.map(resource => describe(call, resource)) }),
});

function describe({ cluster, refusal }: Call<typeof DescribeConfigs>, wanted: Wanted): ResourceAnswer {
  const { resourceType, resourceName, configurationKeys } = wanted;
  const asked = { resourceType, resourceName, errorMessage: null };
  const topic = resourceType === TOPIC ? cluster.topics.get(resourceName) : undefined;
  const errorCode = refusal({ topic: resourceType === TOPIC ? resourceName : undefined }) || missing(resourceType, topic);
  if (errorCode !== 0 || topic === undefined) return { ...asked, errorCode, configs: [] };
  const entries = configEntries(topic.configs, cluster.configDefaults).filter(({ name }) => configurationKeys?.includes(name) ?? true);
  return { ...asked, errorCode: 0, configs: entries.map(entry => ({ ...entry, documentation: null })) };
}

function missing(resourceType: number, topic: object | undefined): number {
  if (resourceType === TOPIC) return topic === undefined ? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION : 0;
  return resourceType === BROKER ? 0 : errorNumbers.INVALID_REQUEST;
}
