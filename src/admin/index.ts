export { Admin, type AdminOptions, type CreateTopicsOptions, type ListTransactionsOptions } from './admin.js';
export type { AdminCallOptions } from './call.js';
export type { ElectionResult, ElectionType } from './elections.js';
export type { PartitionResult } from './partitions.js';
export type { PartitionProducers, ProducerState } from './producers.js';
export type { NewPartitionReassignment, PartitionReassignment } from './reassignments.js';
export type { CreatedTopic, NewTopic, TopicListing, TopicResult } from './topics.js';
export type { TransactionDescription, TransactionListing, TransactionState } from './transactions.js';
