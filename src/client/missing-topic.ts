import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { BrokerError, type KafkaError } from '../base/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { KafkaClientOptions } from './client-options.js';

/** What to tell somebody who uses a topic that does not exist. */
export const missingTopic = ({ allowAutoTopicCreation }: Pick<KafkaClientOptions, 'allowAutoTopicCreation'>): string =>
  allowAutoTopicCreation
    ? 'there is no such topic, and the broker does not create topics that clients ask for; create it, with Admin or a tool of Kafka'
    : 'there is no such topic; create it, with Admin or a tool of Kafka, or give the client allowAutoTopicCreation where the broker allows that';

/** What is left of an error when the retries are used up: a topic, or a partition, that the cluster does not have will not come by asking again. */
export function afterRetries(error: KafkaError, { topic, partition }: ForPartition, { metadata, settings }: Cluster): KafkaError {
  if (error.errno !== errorNumbers.UNKNOWN_TOPIC_OR_PARTITION) return error;
  const found = metadata.topics.get(topic);
  if (found === undefined || found.errorCode === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION) {
    const { persistence } = error;
    const context = { topic, partition };
    return brokerError(error.errno, `topic ${topic}`, {
      message: missingTopic(settings),
      retriable: false,
      persistence,
      cause: error,
      context,
    });
  }
  if (found.errorCode !== 0 || found.partitions.some(each => each.partition === partition)) return error; // its broker will hear of it
  const { errno, persistence, context } = error;
  return new BrokerError(error.code, error.message, { errno, retriable: false, persistence, cause: error, context });
}
