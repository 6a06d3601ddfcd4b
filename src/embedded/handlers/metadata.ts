import { errorNumbers } from '../../base/broker-errors.js';
import { ZERO_UUID } from '../../bytes/reader.js';
import { Metadata, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import type { ClusterState } from '../cluster-state.js';
import { type Call, handler } from '../handler.js';
import { NO_LEADER, type Partition, type Topic } from '../topic.js';
import { wrongTopicName } from '../topic-configs.js';

type TopicAnswer = ResponseInput<typeof Metadata>['topics'][number];
type Wanted = NonNullable<RequestIn<typeof Metadata>['topics']>[number];

/** Brokers that are up, and topics with their leaders. */
export const metadata = handler({
  api: Metadata,
  versions: Metadata.versions,
  answer(call) {
    const { cluster, body, refusal } = call;
    const topics =
      body.topics === null
        ? [...cluster.topics.values()].map(topic => describeTopic(call, topic))
        : body.topics.map(wanted => answerTopic(call, wanted));
    return {
      brokers: cluster.liveBrokers().map(({ id, host, port }) => ({ nodeId: id, host, port, rack: cluster.rack(id) })),
      clusterId: cluster.clusterId,
      controllerId: cluster.controllerId,
      topics,
      errorCode: topics.length === 0 ? refusal({}) : 0,
    };
  },
});

function answerTopic(call: Call<typeof Metadata>, { name, topicId }: Wanted): TopicAnswer {
  const { cluster, version, body } = call;
  if (name === null || (version >= 12 && topicId !== ZERO_UUID)) {
    const topic = version < 12 ? undefined : cluster.topicById(topicId);
    return topic === undefined ? refused({ name: null, topicId }, errorNumbers.UNKNOWN_TOPIC_ID) : describeTopic(call, topic);
  }
  const topic = cluster.topics.get(name);
  if (topic !== undefined) return describeTopic(call, topic);
  const error = call.refusal({ topic: name });
  if (error !== 0) return refused({ name }, error);
  if (wrongTopicName(name) !== undefined) return refused({ name }, errorNumbers.INVALID_TOPIC_EXCEPTION);
  if (!cluster.options.autoCreateTopics || !body.allowAutoTopicCreation) {
    return refused({ name }, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
  }
  cluster.createTopic({ name, configs: new Map(), replicas: cluster.spread(cluster.options.defaultPartitions) });
  // Who asks again gets the topic: a broker that is told to create one does not wait until it is there.
  return refused({ name }, beforeKRaft(cluster) ? errorNumbers.LEADER_NOT_AVAILABLE : errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
}

const beforeKRaft = ({ options: { emulate } }: ClusterState): boolean => emulate === '1.1' || emulate === '2.8';

function describeTopic(call: Call<typeof Metadata>, topic: Topic): TopicAnswer {
  const { name, id } = topic;
  const error = call.refusal({ topic: name });
  if (error !== 0) return refused({ name, topicId: id }, error);
  return {
    errorCode: 0,
    name,
    topicId: id,
    partitions: topic.partitions.map(partition => describePartition(call, partition)),
  };
}

function describePartition({ cluster, refusal }: Call<typeof Metadata>, partition: Partition): TopicAnswer['partitions'][number] {
  const { topic, index, leader, leaderEpoch, replicas } = partition;
  const inSync = cluster.inSync(partition);
  return {
    errorCode: refusal({ topic, partition: index }) || (leader === NO_LEADER ? errorNumbers.LEADER_NOT_AVAILABLE : 0),
    partitionIndex: index,
    leaderId: leader,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: inSync,
    offlineReplicas: replicas.filter(id => !inSync.includes(id)),
  };
}

const refused = (topic: Pick<TopicAnswer, 'name' | 'topicId'>, errorCode: number): TopicAnswer => ({ ...topic, errorCode, partitions: [] });
