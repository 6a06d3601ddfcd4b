export {
  Admin,
  type AdminCallOptions,
  type CreatedTopic,
  type CreateTopicsOptions,
  type NewTopic,
  type TopicListing,
  type TopicResult,
} from './admin/index.js';
export type { ConnectionTrace, RequestTrace, SecurityWarning } from './base/diagnostics.js';
export {
  AuthError,
  BrokerError,
  ConnectionError,
  CorruptRecordError,
  type ErrorCode,
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
export { KafkaClient, type KafkaClientEvents, type RequestTarget } from './client/client.js';
export type { KafkaClientOptions } from './client/client-options.js';
export type { CommitResult, GroupOffset } from './client/offset-store.js';
export type { BrokerInfo, ClusterMetadata, PartitionInfo, TopicInfo } from './cluster/metadata.js';
export {
  type AutoCommit,
  type AutoOffsetReset,
  type ConsumerEvents,
  type GetOptions,
  type Markable,
  type Marking,
  type Mergeable,
  Merged,
  MessageBatch,
  merge,
  type OnCorrupt,
  type OutOfRange,
  type PassedOver,
  type Place,
  SimpleConsumer,
  type SimpleConsumerOptions,
} from './consumer/index.js';
export {
  type CommitFailureDecision,
  type ContextOptions,
  OffsetCommitContext,
  type OnCommitFailure,
  withOffsets,
} from './context/index.js';
export type { Credentials, CredentialsProvider } from './network/sasl/credentials.js';
export type { SaslExchange, SaslMechanism, SaslTarget } from './network/sasl/mechanism.js';
export type { OauthToken, TokenProvider } from './network/sasl/oauthbearer.js';
export type { OauthbearerOptions, PasswordOptions, SaslOptions } from './network/sasl/options.js';
export type { TlsOptions, TlsProvider } from './network/tls.js';
export {
  KeyedProducer,
  type KeyedProducerOptions,
  murmur2Partitioner,
  type Partitioner,
  type ProducerEvents,
  type ProducerRecord,
  type RecordResult,
  randomPartitioner,
  roundRobinPartitioner,
  SimpleProducer,
  type SimpleProducerOptions,
} from './producer/index.js';
export { type Codec, type CompressionName, Message, OutputLimitError, rawSnappy, registerCodec } from './records/index.js';
