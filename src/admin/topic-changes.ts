import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { ClientCore } from '../client/client.js';
import { CreateTopics, DeleteTopics } from '../protocol/index.js';
import { brokerTime, type CallBounds, once, refuseFollower } from './call.js';
import { refusedDeletion } from './refused-deletion.js';
import { forGood, inRounds } from './rounds.js';
import { type CreatedTopic, created, type NewTopic, type TopicResult } from './topics.js';

/** Oldest versions that take the broker's own counts (KIP-464), and that name topics in another place. */
const createWithDefaults = 4;
const deleteByStruct = 6;
const clusterDefault = -1;

/** A result for each of `wanted`, in their order. A topic that an attempt whose answer was lost has created counts as created by it. */
export function createAll(
  { cluster }: ClientCore,
  wanted: readonly NewTopic[],
  validateOnly: boolean,
  bounds: CallBounds,
): Promise<readonly CreatedTopic[]> {
  const unsure = new Set<string>();
  return inRounds<NewTopic, CreatedTopic>(cluster, {
    items: wanted,
    ...bounds,
    failed: ({ name }, error) => {
      if (error.persistence === 'maybe') unsure.add(name);
      return created(name, { error });
    },
    attempt: topics =>
      cluster.toController(
        CreateTopics,
        version => ({ topics: topics.map(topic => newTopic(topic, version)), timeoutMs: brokerTime(bounds.deadline), validateOnly }),
        answer => {
          const found = new Map(answer.topics.map(topic => [topic.name, topic]));
          refuseFollower(answer.topics);
          return topics.map(({ name }) => {
            const { errorCode = -1, errorMessage = null, topicId, numPartitions, replicationFactor } = found.get(name) ?? {};
            const ours = errorCode === errorNumbers.TOPIC_ALREADY_EXISTS && unsure.has(name);
            if (errorCode === 0 || ours) {
              return created(name, {
                ...(topicId && { id: topicId }),
                partitions: numPartitions ?? -1,
                replicationFactor: replicationFactor ?? -1,
              });
            }
            const error = brokerError(errorCode, `createTopics ${name}`, { message: errorMessage, context: { topic: name } });
            if (error.persistence === 'maybe') unsure.add(name);
            return created(name, { error });
          });
        },
        once(cluster, bounds),
      ),
  });
}

/** A result for each of `wanted`, in their order. A topic that an attempt whose answer was lost has deleted counts as deleted by it. */
export function deleteAll({ cluster }: ClientCore, wanted: readonly string[], bounds: CallBounds): Promise<readonly TopicResult[]> {
  const unsure = new Set<string>();
  return inRounds<string, TopicResult>(cluster, {
    items: wanted,
    ...bounds,
    failed: (name, error) => {
      if (error.persistence === 'maybe') unsure.add(name);
      return { name, error };
    },
    again: error => !forGood(error),
    attempt: names =>
      cluster.toController(
        DeleteTopics,
        version => ({
          ...(version >= deleteByStruct ? { topics: names.map(name => ({ name })) } : { topicNames: names }),
          timeoutMs: brokerTime(bounds.deadline),
        }),
        answer => {
          const found = new Map(answer.responses.map(response => [response.name, response]));
          refuseFollower(answer.responses);
          return names.map(name => {
            const { errorCode = -1, errorMessage = null } = found.get(name) ?? {};
            const ours = errorCode === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION && unsure.has(name);
            if (errorCode === 0 || ours) return { name, error: undefined };
            const error = refusedDeletion(name, errorCode, errorMessage);
            if (error.persistence === 'maybe') unsure.add(name);
            return { name, error };
          });
        },
        once(cluster, bounds),
      ),
  });
}

function newTopic({ name, partitions, replicationFactor, configs = {}, assignments }: NewTopic, version: number) {
  const fallback = assignments !== undefined || version >= createWithDefaults ? clusterDefault : 1;
  return {
    name,
    numPartitions: partitions ?? fallback,
    replicationFactor: replicationFactor ?? fallback,
    assignments: (assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
  };
}
