/**
 * A Kafka cluster inside this process, for a first run, for examples and for tests of any Kafka client.
 * @module
 */
export type { BrokerErrorName } from '../base/broker-errors.js';
export { type AppendBatchOptions, EmbeddedCluster } from './embedded-cluster.js';
export type { Answering, FaultsOn, Hold, Rewriting } from './faults.js';
export type { CommittedOffset } from './group-offsets.js';
export type { GroupMember, GroupState } from './groups/group.js';
export type { Match, Matching, Target } from './match.js';
export type { EmbeddedClusterOptions, TopicOptions } from './options.js';
export type { SeenRequest } from './request-log.js';
export type { StoredRecord } from './stored-records.js';
export type { TransactionState } from './transactional-id.js';
export type { Release } from './versions.js';
