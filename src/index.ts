export {
  Admin,
  type AdminCallOptions,
  type AdminOptions,
  type CreatedTopic,
  type CreateTopicsOptions,
  type ElectionResult,
  type ElectionType,
  type ListTransactionsOptions,
  type NewPartitionReassignment,
  type NewTopic,
  type PartitionProducers,
  type PartitionReassignment,
  type PartitionResult,
  type ProducerState,
  type TopicListing,
  type TopicResult,
  type TransactionDescription,
  type TransactionListing,
  type TransactionState,
} from './admin/index.js';
export type { ConnectionTrace, RequestTrace, SecurityWarning } from './base/diagnostics.js';
export { type ErrorCodeInfo, errorCodeNamed, errorCodes } from './base/error-codes.js';
export {
  AuthError,
  BrokerError,
  ConnectionError,
  CorruptRecordError,
  DeserializationError,
  type ErrorCode,
  type ErrorContext,
  InputError,
  KafkaError,
  PartialError,
  type Persistence,
  ProtocolError,
  StateError,
  type TideCode,
  TimeoutError,
  tideCodes,
  UnsupportedError,
} from './base/errors.js';
export type { LogFields, Logger } from './base/log.js';
export { KafkaClient, type KafkaClientEvents } from './client/client.js';
export type { KafkaClientOptions } from './client/client-options.js';
export type { Client } from './client/client-type.js';
export { constants } from './client/constants.js';
export type { NonFatalError } from './client/failure-log.js';
export type { Fetched, FetchOptions, FetchRequest } from './client/fetch.js';
export type { FoundOffset, Isolation, OffsetQuestion, OffsetSpec } from './client/list-offsets.js';
export type { CommitNote, OffsetCoordinator, OffsetCoordinatorOptions } from './client/offset-coordinator.js';
export type { OffsetQueries, OffsetQueryOptions } from './client/offset-queries.js';
export type { CommitResult, GroupOffset } from './client/offset-store.js';
export type { ItemOutcome } from './client/outcome.js';
export type { Produced, ProduceOptions, ProduceRequest } from './client/produce.js';
export type { MessageInput, MessageWithKey } from './client/produce-batch.js';
export type { RequestTarget } from './client/raw-request.js';
export type { RequestLists } from './client/request-lists.js';
export type { CallOptions, WaitOptions } from './client/wait-options.js';
export type { BrokerInfo, ClusterMetadata, PartitionInfo, TopicInfo } from './cluster/metadata.js';
export {
  type AutoCommit,
  type AutoOffsetReset,
  type BrokerPattern,
  type CallbackFailure,
  type Committed,
  type Consumer,
  type ConsumerEvents,
  type ConsumerTrace,
  type Deserializer,
  type DeserializerOptions,
  type DroppedMarks,
  type FetchTrace,
  type GetOptions,
  type GroupCallbacks,
  type HeldBack,
  KafkaConsumer,
  type KafkaConsumerOptions,
  type Markable,
  type Marking,
  type Mergeable,
  Merged,
  MessageBatch,
  type Misplaced,
  merge,
  type NotDeserialized,
  type OffsetsName,
  type OnCorrupt,
  type OnDeserializationError,
  type OutOfRange,
  type PartitionOffsets,
  type PartitionsCallback,
  type PassedOver,
  type Place,
  type PlaceToRead,
  type PoisonedMessage,
  SimpleConsumer,
  type SimpleConsumerOptions,
  type TopicPartitionsEntry,
  type Topics,
  type Whence,
} from './consumer/index.js';
export {
  type CommitFailureDecision,
  type ContextOptions,
  OffsetCommitContext,
  type OnCommitFailure,
  withOffsets,
} from './context/index.js';
export type { Assignor, Member, MemberSubscription, Rebalance } from './group/index.js';
export {
  type BatchContext,
  type BatchHandler,
  type FleetSnapshot,
  type HandlerContext,
  type MessageContext,
  type MessageHandler,
  MultiProcessConsumer,
  type MultiProcessConsumerOptions,
  type OnPoison,
  type Ordering,
  type ResultPlace,
  type RunOptions,
  type ThreadContext,
  type ThreadLogger,
  type ThreadSnapshot,
} from './multiprocess/index.js';
export type { Credentials, CredentialsProvider } from './network/sasl/credentials.js';
export type { SaslExchange, SaslMechanism, SaslTarget } from './network/sasl/mechanism.js';
export type { OauthToken, TokenProvider } from './network/sasl/oauthbearer.js';
export type { OauthbearerOptions, PasswordOptions, SaslOptions } from './network/sasl/options.js';
export type { Pem, TlsOptions, TlsProvider } from './network/tls.js';
export {
  fnv1aPartitioner,
  KeyedProducer,
  type KeyedProducerOptions,
  murmur2Partitioner,
  type PartitionChoice,
  type PartitionedRecord,
  type Partitioner,
  type Producer,
  type ProducerEvents,
  type ProducerRecord,
  type RecordResult,
  type RoomOptions,
  randomPartitioner,
  roundRobinPartitioner,
  type SendOptions,
  type Serialized,
  type Serializer,
  SimpleProducer,
  type SimpleProducerOptions,
  stickyPartitioner,
  type TransactionGroup,
  withTransaction,
} from './producer/index.js';
export {
  type Codec,
  type CompressionName,
  type HeaderList,
  type HeadersInput,
  Message,
  OutputLimitError,
  rawSnappy,
  registerCodec,
  type TimestampType,
} from './records/index.js';
