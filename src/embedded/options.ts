import { type Clock, systemClock } from '../base/clock.js';
import { custom, flag, type Given, integer, oneOf, optional, type Resolved, resolve } from '../base/options.js';
import { releases } from './versions.js';

/** How a topic is made. */
export interface TopicOptions {
  /** Default: the cluster's `defaultPartitions`. */
  readonly partitions?: number | undefined;
  /** Default: the cluster's. More than the brokers that are up is an error. */
  readonly replicationFactor?: number | undefined;
  /** The oldest batches of a partition are forgotten while the rest has at least as many bytes. -1: never. Kafka: retention.bytes. */
  readonly retentionBytes?: number | undefined;
  /** Topic configurations by Kafka's own names: `{ 'message.timestamp.type': 'LogAppendTime' }`. */
  readonly configs?: Readonly<Record<string, string>> | undefined;
}

const topicRules = {
  partitions: optional(integer(1, 1, 10_000)),
  replicationFactor: optional(integer(1, 1, 100)),
  retentionBytes: optional(integer(-1, -1)),
  configs: custom<Readonly<Record<string, string>>, ReadonlyMap<string, string>>('an object of strings', new Map(), value => {
    if (typeof value !== 'object' || value === null) return undefined;
    const entries = Object.entries(value);
    return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string') ? new Map(entries) : undefined;
  }),
};
export type TopicSettings = Resolved<typeof topicRules>;

/** @throws InputError `TIDE_OPTION`. */
export function topicSettings(given: number | TopicOptions | undefined): TopicSettings {
  return resolve('TopicOptions', topicRules, typeof given === 'number' ? { partitions: given } : given);
}

const rules = {
  /** How many brokers there are; their ids are 1, 2, 3 and so on. */
  brokers: integer(1, 1, 100),
  /** In which rack each broker is, the first first. Kafka: broker.rack. */
  racks: custom<readonly string[], readonly string[]>('a list of names, one for each broker', [], value =>
    Array.isArray(value) && value.every(each => typeof each === 'string' && each !== '') ? value : undefined,
  ),
  /** Who is read from: `'leader'`, or `'rack-aware'`, a replica in the rack of the client where there is one. Kafka: replica.selector.class. */
  replicaSelector: oneOf('leader', ['leader', 'rack-aware']),
  /** How many fetch sessions a broker keeps (KIP-227). Kafka: max.incremental.fetch.session.cache.slots. */
  maxFetchSessions: integer(1000, 0),
  /** Topics to begin with: a name with a number of partitions or with {@link TopicOptions}. */
  topics: custom<Readonly<Record<string, number | TopicOptions>>, ReadonlyMap<string, TopicSettings>>(
    'an object with a number of partitions or TopicOptions per topic',
    new Map(),
    value => {
      if (typeof value !== 'object' || value === null) return undefined;
      return new Map(Object.entries(value).map(([name, topic]) => [name, topicSettings(topic)]));
    },
  ),
  /** Whether a Metadata request that allows it creates the topics it names. Kafka: auto.create.topics.enable. */
  autoCreateTopics: flag(false),
  /** Partitions of a topic for which no number is given. Kafka: num.partitions. */
  defaultPartitions: integer(1, 1, 10_000),
  /** Replicas of a partition for which no number is given. Default: as many as there are brokers, at most 3. Kafka: default.replication.factor. */
  replicationFactor: optional(integer(1, 1, 100)),
  /** The largest record batch in bytes, as it is sent. Kafka: message.max.bytes. */
  maxMessageBytes: integer(1_048_588, 0, 104_857_600),
  /** As the topic option of this name, for topics that do not have it. */
  retentionBytes: integer(-1, -1),
  /** How long the first rebalance of a classic group waits for more members, in ms. Kafka: group.initial.rebalance.delay.ms, 3000 there. */
  initialRebalanceDelayMs: integer(0, 0, 3_600_000),
  /** The shortest session timeout that a member of a classic group may ask for. Kafka: group.min.session.timeout.ms. */
  minSessionTimeoutMs: integer(6_000, 0, 2 ** 31 - 1),
  /** The longest. Kafka: group.max.session.timeout.ms. */
  maxSessionTimeoutMs: integer(1_800_000, 0, 2 ** 31 - 1),
  /** The most members of a group. Kafka: group.max.size, group.consumer.max.size. */
  maxGroupSize: integer(2 ** 31 - 1, 1, 2 ** 31 - 1),
  /** Without a heartbeat for so long a member of the new protocol is out. Kafka: group.consumer.session.timeout.ms. */
  consumerSessionTimeoutMs: integer(45_000, 1, 2 ** 31 - 1),
  /** How often members of the new protocol are told to send a heartbeat. Kafka: group.consumer.heartbeat.interval.ms. */
  consumerHeartbeatIntervalMs: integer(5_000, 1, 2 ** 31 - 1),
  /** The port of the first broker; the others take those that follow. 0: any free ones. */
  port: integer(0, 0, 65_535),
  /** The release whose versions of each API are offered. Default: every version the cluster can answer. */
  emulate: optional(oneOf('4.1', releases)),
  /**
   * How transactions are made: 2, each has an epoch of its own (KIP-890); 0 and 1, the older way. Kafka: the feature `transaction.version`.
   * Default 2; 0 where a release before 4.1 is imitated.
   */
  transactionVersion: optional(integer(2, 0, 2)),
  /** Whether a fetch answer ends in the middle of a batch where a size limit is reached, as Kafka's do. Else it ends before that batch. */
  cutBatches: flag(false),
  /** How many requests are remembered, the last ones, and no more than 64 MiB of them. 0: none. */
  rememberRequests: integer(10_000, 0),
  /** Where the time comes from: append times, waiting fetches, delays, sessions of members. */
  clock: custom<Clock, Clock>('a Clock', systemClock, value => (isClock(value) ? value : undefined)),
};

const isClock = (value: unknown): value is Clock =>
  typeof value === 'object' && value !== null && 'now' in value && 'wallTime' in value && 'after' in value;

/** What {@link EmbeddedCluster.start} takes. */
export type EmbeddedClusterOptions = Given<typeof rules>;
export type EmbeddedOptions = Resolved<typeof rules>;

/** @throws InputError `TIDE_OPTION`. */
export const embeddedOptions = (given?: EmbeddedClusterOptions): EmbeddedOptions => resolve('EmbeddedCluster', rules, given);
