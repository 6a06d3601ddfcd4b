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
export { holdTransactions, Producer, type ProducerEvents } from './producer.js';
export type { ProducerRecord, RecordResult } from './record.js';
export type { RoomOptions, SendOptions } from './send-options.js';
export type { Serialized, Serializer } from './serializers.js';
export { SimpleProducer, type SimpleProducerOptions } from './simple-producer.js';
export type { HeldTransactions } from './transaction-calls.js';
export type { TransactionGroup } from './transaction-group.js';
export { withTransaction } from './with-transaction.js';
