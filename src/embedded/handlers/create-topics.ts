import { errorNumbers } from '../../base/broker-errors.js';
import { CreateTopics, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { configEntries, wrongConfig, wrongTopicName } from '../topic-configs.js';

type Wanted = RequestIn<typeof CreateTopics>['topics'][number];
type TopicAnswer = ResponseInput<typeof CreateTopics>['topics'][number];
type Problem = readonly [error: keyof typeof errorNumbers, message: string];

/** Creates topics, at once; any broker does it. */
export const createTopics = handler({
  api: CreateTopics,
  versions: CreateTopics.versions,
  answer(call) {
    const { topics } = call.body;
    const names = topics.map(({ name }) => name);
    const twice = new Set(names.filter((name, i) => names.indexOf(name) !== i));
    const unlessTwice = topics.filter(({ name }) => !twice.has(name)).map(topic => create(call, topic));
    return { topics: [...unlessTwice, ...[...twice].map(name => refused(name, ['INVALID_REQUEST', 'Duplicate topic name.']))] };
  },
});

function create(call: Call<typeof CreateTopics>, wanted: Wanted): TopicAnswer {
  const { cluster, body, version } = call;
  const { name } = wanted;
  const errorCode = call.refusal({ topic: name });
  if (errorCode !== 0) return { name, errorCode, errorMessage: null };
  const problem = whatIsWrong(call, wanted);
  if (problem !== undefined) return refused(name, problem);

  const replicas = placed(call, wanted);
  const configs = new Map(wanted.configs.map(({ name: key, value }) => [key, value ?? '']));
  const topicId = body.validateOnly ? undefined : cluster.createTopic({ name, configs, replicas }).id;
  return {
    name,
    topicId,
    errorCode: 0,
    errorMessage: null,
    numPartitions: replicas.length,
    replicationFactor: replicas[0]?.length ?? -1,
    configs: version < 5 ? undefined : configEntries(configs, cluster.configDefaults),
  };
}

/** The brokers of each partition. Called when nothing is wrong with them. */
function placed({ cluster }: Call<typeof CreateTopics>, { assignments, numPartitions, replicationFactor }: Wanted) {
  if (assignments.length > 0) return [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex).map(({ brokerIds }) => brokerIds);
  const count = numPartitions === -1 ? cluster.options.defaultPartitions : numPartitions;
  return cluster.spread(count, replicationFactor === -1 ? undefined : replicationFactor);
}

function whatIsWrong({ cluster }: Call<typeof CreateTopics>, wanted: Wanted): Problem | undefined {
  const { name, numPartitions, replicationFactor, assignments, configs } = wanted;
  const wrongName = wrongTopicName(name);
  if (wrongName !== undefined) return ['INVALID_TOPIC_EXCEPTION', wrongName];
  if (cluster.topics.has(name)) return ['TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`];
  const live = cluster.liveBrokers().length;
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      return ['INVALID_REQUEST', 'Both numPartitions or replicationFactor and assignments were set.'];
    }
    const wrong = wrongAssignments(assignments, cluster.brokerIds);
    if (wrong !== undefined) return ['INVALID_REPLICA_ASSIGNMENT', wrong];
  } else {
    // -1 takes the default in every version, though clients are to use it from v4 on only (KIP-464): brokers do not look.
    if (numPartitions < 1 && numPartitions !== -1) {
      return ['INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.'];
    }
    if (replicationFactor < 1 && replicationFactor !== -1) {
      return ['INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0.'];
    }
    const factor = replicationFactor === -1 ? (cluster.options.replicationFactor ?? 1) : replicationFactor;
    if (factor > live) return ['INVALID_REPLICATION_FACTOR', `Replication factor: ${factor} larger than available brokers: ${live}.`];
  }
  for (const { name: key, value } of configs) {
    const wrong = wrongConfig(key, value);
    if (wrong !== undefined) return ['INVALID_CONFIG', wrong];
  }
  return undefined;
}

function wrongAssignments(assignments: Wanted['assignments'], brokers: readonly number[]): string | undefined {
  const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
  if (indexes.some((index, i) => index !== i)) return 'partitions should be a consecutive 0-based integer sequence';
  const size = assignments[0]?.brokerIds.length ?? 0;
  for (const { brokerIds } of assignments) {
    if (brokerIds.length === 0) return 'a partition must have at least one replica';
    if (brokerIds.length !== size) return 'every partition must have as many replicas';
    if (new Set(brokerIds).size !== brokerIds.length) return 'a broker cannot hold a partition twice';
    const unknown = brokerIds.find(id => !brokers.includes(id));
    if (unknown !== undefined) return `broker ${unknown} is not known`;
  }
  return undefined;
}

const refused = (name: string, [error, errorMessage]: Problem): TopicAnswer => ({ name, errorCode: errorNumbers[error], errorMessage });
