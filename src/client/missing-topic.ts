import type { KafkaClientOptions } from './client-options.js';

/** What to tell somebody who uses a topic that does not exist. */
export const missingTopic = ({ allowAutoTopicCreation }: Pick<KafkaClientOptions, 'allowAutoTopicCreation'>): string =>
  allowAutoTopicCreation
    ? 'there is no such topic, and the broker does not create topics that clients ask for; create it, with Admin or a tool of Kafka'
    : 'there is no such topic; create it, with Admin or a tool of Kafka, or give the client allowAutoTopicCreation where the broker allows that';
