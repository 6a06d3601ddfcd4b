import type { KafkaClient } from './client.js';

/**
 * What a program asks of a {@link KafkaClient} directly, as a type: write functions that take one, or `Pick` what they need of it, and give them
 * an object of your own in a test. Producers, consumers and `Admin` need the real one; `tidemark/embedded` is a cluster to test them with.
 */
export type Client = Pick<
  KafkaClient,
  | 'clearNonFatalErrors'
  | 'close'
  | 'clusterErrors'
  | 'connect'
  | 'disconnect'
  | 'ensureTopicExists'
  | 'fetch'
  | 'findCoordinator'
  | 'isKnownBroker'
  | 'knownBrokers'
  | 'metadata'
  | 'nonFatalErrors'
  | 'offsetCoordinator'
  | 'offsets'
  | 'partitionCount'
  | 'partitionExists'
  | 'produce'
  | 'send'
  | 'topics'
>;
