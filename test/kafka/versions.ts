/** What the harness knows about one release of Apache Kafka. */
export interface Release {
  /** Suffix of the broker's artifact: the Scala version it was compiled with. */
  readonly scala: string;
  /** Who keeps the cluster's metadata: the brokers themselves, or a ZooKeeper next to one broker. */
  readonly metadata: 'kraft' | 'zookeeper';
  /** Profiles of pom.xml that complete the class path. */
  readonly profiles: readonly string[];
  /** Version of CreateTopics that the harness speaks to it. */
  readonly createTopics: 1 | 2;
}

const releases = {
  '4.3.1': { scala: '2.13', metadata: 'kraft', profiles: ['tools', 'log4j2'], createTopics: 2 },
  '4.1.2': { scala: '2.13', metadata: 'kraft', profiles: ['tools', 'log4j2'], createTopics: 2 },
  '3.9.2': { scala: '2.13', metadata: 'kraft', profiles: ['tools', 'log4j1'], createTopics: 2 },
  '2.8.2': { scala: '2.13', metadata: 'zookeeper', profiles: ['log4j1'], createTopics: 2 },
  '1.1.1': { scala: '2.11', metadata: 'zookeeper', profiles: ['log4j1', 'before-java-9'], createTopics: 2 },
  '0.10.2.2': { scala: '2.11', metadata: 'zookeeper', profiles: ['log4j1', 'before-java-9'], createTopics: 1 },
} as const satisfies Record<string, Release>;

/** A release of Apache Kafka that the harness can start. */
export type KafkaVersion = keyof typeof releases;

/** The release a test gets when it names none. */
export const DEFAULT_VERSION: KafkaVersion = '4.1.2';

/** Every release the harness can start, newest first. Only KRaft releases can have more than one node. */
export const KAFKA_VERSIONS = Object.keys(releases) as readonly KafkaVersion[];

/** What is known about `version`. */
export const releaseOf = (version: KafkaVersion): Release => releases[version];

/** Narrows text to a known release. */
export const isKafkaVersion = (text: unknown): text is KafkaVersion => typeof text === 'string' && Object.hasOwn(releases, text);
