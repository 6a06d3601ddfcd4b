export { KeyedProducer } from './keyed-producer.js';
export type { KeyedProducerOptions } from './options.js';
export {
  fnv1aPartitioner,
  murmur2Partitioner,
  type PartitionChoice,
  type PartitionedRecord,
  type Partitioner,
  randomPartitioner,
  roundRobinPartitioner,
  stickyPartitioner,
} from './partitioners.js';
export { type HeldTransactions, holdTransactions, Producer, type ProducerEvents, type RoomOptions, type SendOptions } from './producer.js';
export type { ProducerRecord, RecordResult } from './record.js';
export type { Serialized, Serializer } from './serializers.js';
export { SimpleProducer, type SimpleProducerOptions } from './simple-producer.js';
export type { TransactionGroup } from './transaction-group.js';
export { withTransaction } from './with-transaction.js';
