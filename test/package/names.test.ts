import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageVersion } from '../../src/base/version.js';
import * as embedded from '../../src/embedded/index.js';
import * as index from '../../src/index.js';
import * as protocol from '../../src/protocol.js';
import { PROJECT_ROOT } from '../kafka/project.js';

// A name that appears here is a promise. One that disappears, or a new one, is a decision: make it here too.

const names = (module: object): string => Object.keys(module).sort().join(' ');

test('tidemark exports exactly these names', () => {
  assert.equal(
    names(index),
    'Admin AuthError BrokerError ConnectionError CorruptRecordError DeserializationError InputError KafkaClient KafkaConsumer KafkaError KeyedProducer Merged ' +
      'Message MessageBatch MultiProcessConsumer OffsetCommitContext OutputLimitError PartialError ProtocolError SimpleConsumer SimpleProducer ' +
      'StateError TimeoutError UnsupportedError constants errorCodeNamed errorCodes fnv1aPartitioner merge murmur2Partitioner ' +
      'randomPartitioner rawSnappy registerCodec roundRobinPartitioner stickyPartitioner tideCodes withOffsets withTransaction',
  );
});

test('tidemark/embedded exports exactly these names', () => {
  assert.equal(names(embedded), 'EmbeddedCluster');
});

test('tidemark/protocol exports exactly these names', () => {
  assert.equal(
    names(protocol),
    'AddOffsetsToTxn AddPartitionsToTxn AlterClientQuotas AlterPartitionReassignments AlterUserScramCredentials ApiVersions ' +
      'BatchReader ConsumerGroupDescribe ConsumerGroupHeartbeat CreateAcls CreatePartitions CreateTopics DeleteAcls ' +
      'DeleteGroups DeleteRecords DeleteTopics DescribeAcls DescribeClientQuotas DescribeCluster DescribeConfigs ' +
      'DescribeGroups DescribeLogDirs DescribeProducers DescribeTopicPartitions DescribeTransactions ' +
      'DescribeUserScramCredentials ElectLeaders EndTxn Fetch FindCoordinator Heartbeat IncrementalAlterConfigs ' +
      'InitProducerId JoinGroup LeaveGroup ListGroups ListOffsets ListPartitionReassignments ListTransactions Message ' +
      'Metadata OffsetCommit OffsetDelete OffsetFetch OffsetForLeaderEpoch Produce Reader RecordBatch SaslAuthenticate ' +
      'SaslHandshake SyncGroup TxnOffsetCommit Writer apisByKey compress crc32c decodeBatches decodeRequestBody ' +
      'decodeRequestHeader decodeResponseBody decompress defineApi encodeBatch encodeRequestFrame encodeResponseFrame ' +
      'readBatches readCorrelationId',
  );
});

test('the types exported beside them are these', () => {
  const source = readFileSync(join(PROJECT_ROOT, 'src', 'index.ts'), 'utf8');
  const types = [...source.matchAll(/export type \{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(','));
  const inline = [...source.matchAll(/\btype (\w+)\s*[,}]/g)].map(([, name = '']) => name);
  const all = [...new Set([...types, ...inline].map(name => name.trim()).filter(Boolean))].sort();
  assert.equal(
    all.join(' '),
    'AdminCallOptions AdminOptions Assignor AutoCommit AutoOffsetReset BatchContext BatchHandler BrokerInfo ' +
      'BrokerPattern CallOptions CallbackFailure Client ClusterMetadata Codec CommitFailureDecision CommitNote ' +
      'CommitResult Committed CompressionName ConnectionTrace Consumer ConsumerEvents ConsumerTrace ContextOptions CreateTopicsOptions ' +
      'CreatedTopic Credentials CredentialsProvider Deserializer DeserializerOptions DroppedMarks ElectionResult ' +
      'ElectionType ErrorCode ErrorCodeInfo ErrorContext FetchOptions FetchRequest FetchTrace Fetched FleetSnapshot FoundOffset ' +
      'GetOptions GroupCallbacks GroupOffset HandlerContext HeaderList HeadersInput HeldBack Isolation ItemOutcome ' +
      'KafkaClientEvents KafkaClientOptions KafkaConsumerOptions KeyedProducerOptions ListTransactionsOptions LogFields ' +
      'Logger Markable Marking Member MemberSubscription Mergeable MessageContext MessageHandler MessageInput ' +
      'MessageWithKey Misplaced MultiProcessConsumerOptions NewPartitionReassignment NewTopic NonFatalError ' +
      'NotDeserialized OauthToken OauthbearerOptions OffsetCoordinator OffsetCoordinatorOptions OffsetQueries ' +
      'OffsetQueryOptions OffsetQuestion OffsetSpec OffsetsName OnCommitFailure OnCorrupt OnDeserializationError ' +
      'OnPoison Ordering OutOfRange PartitionChoice PartitionInfo PartitionOffsets PartitionProducers ' +
      'PartitionReassignment PartitionResult PartitionedRecord Partitioner PartitionsCallback PassedOver ' +
      'PasswordOptions Pem Persistence Place PlaceToRead PoisonedMessage ProduceOptions ProduceRequest Produced ' +
      'Producer ProducerEvents ProducerRecord ProducerState Rebalance RecordResult RequestLists RequestTarget ' +
      'RequestTrace ResultPlace RoomOptions RunOptions SaslExchange SaslMechanism SaslOptions SaslTarget ' +
      'SecurityWarning SendOptions Serialized Serializer SimpleConsumerOptions SimpleProducerOptions ThreadContext ThreadLogger ' +
      'ThreadSnapshot TideCode TimestampType TlsOptions TlsProvider TokenProvider TopicInfo TopicListing ' +
      'TopicPartitionsEntry TopicResult Topics TransactionDescription TransactionGroup TransactionListing ' +
      'TransactionState WaitOptions Whence',
  );
});

test("tidemark's own error codes are these", () => {
  assert.equal(
    index.tideCodes.join(' '),
    'TIDE_CONNECTION TIDE_TIMEOUT TIDE_PROTOCOL TIDE_CORRUPT TIDE_DESERIALIZATION TIDE_TOO_LARGE TIDE_UNSUPPORTED TIDE_AUTH TIDE_OPTION TIDE_INPUT ' +
      'TIDE_KEY_REQUIRED TIDE_STATE TIDE_CLOSED TIDE_STALE TIDE_NOT_OWNED TIDE_PARTITION_LOST TIDE_GROUP_IN_USE TIDE_BUFFER_FULL ' +
      'TIDE_NO_DATA TIDE_CONSUMER_TIMEOUT TIDE_FENCED TIDE_HANDLER TIDE_THREAD TIDE_POISON',
  );
});

test('brokers are told the version of the package', () => {
  assert.equal(packageVersion, JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')).version);
});
