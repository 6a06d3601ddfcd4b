import { BrokerError, type ErrorContext, type Persistence } from './errors.js';

/**
 * What helps after a broker's refusal:
 * - `none`: nothing by itself, tell the caller
 * - `retry`: the same request to the same broker, after a pause
 * - `refresh-metadata`: ask who leads (or controls), then send it there
 * - `find-coordinator`: ask who coordinates, then send it there
 * - `rejoin`: what the member holds of its group is out of date; it brings itself up to date first
 * - `reset-offset`: choose another offset by policy
 * - `fatal`: whoever asked cannot go on as it is: a producer is fenced, a member replaced, a login refused
 */
export type Remedy = 'none' | 'retry' | 'refresh-metadata' | 'find-coordinator' | 'rejoin' | 'reset-offset' | 'fatal';

/** What is known of one of Kafka's error codes. */
export interface Row<Name extends string = string> {
  readonly number: number;
  /** Kafka's own name. */
  readonly name: Name;
  readonly remedy: Remedy;
  /** In a few plain words. */
  readonly text: string;
  /** Whether a write that was refused so may have happened all the same. */
  readonly persistence: Persistence;
}

function row<const Name extends string>(
  number: number,
  name: Name,
  remedy: Remedy,
  text: string,
  persistence: Persistence = 'no',
): Row<Name> {
  return Object.freeze({ number, name, remedy, text, persistence });
}

/** Numbers and names: org.apache.kafka.common.protocol.Errors of Kafka 4.3, see https://kafka.apache.org/protocol#protocol_error_codes. */
const rows = [
  row(-1, 'UNKNOWN_SERVER_ERROR', 'none', 'the broker failed in a way it has no name for; its log says more', 'maybe'),
  row(0, 'NONE', 'none', 'no error'),
  row(1, 'OFFSET_OUT_OF_RANGE', 'reset-offset', 'the log does not hold this offset'),
  row(2, 'CORRUPT_MESSAGE', 'retry', 'the records do not match their checksum, or lack a key that a compacted topic needs'),
  row(3, 'UNKNOWN_TOPIC_OR_PARTITION', 'refresh-metadata', 'the broker does not have this topic or partition'),
  row(4, 'INVALID_FETCH_SIZE', 'none', 'the fetch size is not valid'),
  row(5, 'LEADER_NOT_AVAILABLE', 'refresh-metadata', 'the partition has no leader at the moment'),
  row(6, 'NOT_LEADER_OR_FOLLOWER', 'refresh-metadata', 'the broker does not lead this partition any more'),
  row(7, 'REQUEST_TIMED_OUT', 'retry', 'the broker ran out of time', 'maybe'), // the write may have happened
  row(8, 'BROKER_NOT_AVAILABLE', 'refresh-metadata', 'the broker is not there'),
  row(9, 'REPLICA_NOT_AVAILABLE', 'refresh-metadata', 'the replica is not there'),
  row(10, 'MESSAGE_TOO_LARGE', 'none', 'a record batch is larger than the topic allows'),
  row(11, 'STALE_CONTROLLER_EPOCH', 'none', 'the controller has moved'),
  row(12, 'OFFSET_METADATA_TOO_LARGE', 'none', 'the text stored with an offset is longer than the broker allows'),
  row(13, 'NETWORK_EXCEPTION', 'refresh-metadata', 'a broker lost its connection to another before the answer came', 'maybe'),
  row(14, 'COORDINATOR_LOAD_IN_PROGRESS', 'retry', 'the coordinator is still loading its state'),
  row(15, 'COORDINATOR_NOT_AVAILABLE', 'find-coordinator', 'there is no coordinator at the moment'),
  row(16, 'NOT_COORDINATOR', 'find-coordinator', 'the broker is not the coordinator any more'),
  row(17, 'INVALID_TOPIC_EXCEPTION', 'none', 'the topic name is not legal, or the topic is not open to clients'),
  row(18, 'RECORD_LIST_TOO_LARGE', 'none', 'a record batch is larger than a segment of the log'),
  row(19, 'NOT_ENOUGH_REPLICAS', 'retry', 'fewer replicas are in sync than the topic demands'),
  row(20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry', 'written, but to fewer replicas in sync than the topic demands', 'maybe'),
  row(21, 'INVALID_REQUIRED_ACKS', 'none', 'the number of acknowledgements must be -1, 0 or 1'),
  row(22, 'ILLEGAL_GENERATION', 'rejoin', 'the group has moved on to another generation'),
  row(23, 'INCONSISTENT_GROUP_PROTOCOL', 'fatal', 'the other members of the group use no common way of assigning'),
  row(24, 'INVALID_GROUP_ID', 'none', 'the group id is not legal'),
  row(25, 'UNKNOWN_MEMBER_ID', 'rejoin', 'the group does not know this member'),
  row(26, 'INVALID_SESSION_TIMEOUT', 'fatal', 'the session timeout is outside what the broker allows'),
  row(27, 'REBALANCE_IN_PROGRESS', 'rejoin', 'the group is dividing its partitions again'),
  row(28, 'INVALID_COMMIT_OFFSET_SIZE', 'none', 'the offsets committed at once are too large'),
  row(29, 'TOPIC_AUTHORIZATION_FAILED', 'none', 'not allowed on this topic'),
  row(30, 'GROUP_AUTHORIZATION_FAILED', 'none', 'not allowed on this group'),
  row(31, 'CLUSTER_AUTHORIZATION_FAILED', 'none', 'not allowed on the cluster'),
  row(32, 'INVALID_TIMESTAMP', 'none', "a record's timestamp is further from now than the topic allows"),
  row(33, 'UNSUPPORTED_SASL_MECHANISM', 'fatal', 'the broker does not offer this SASL mechanism'),
  row(34, 'ILLEGAL_SASL_STATE', 'fatal', 'the request does not fit the state of the login'),
  row(35, 'UNSUPPORTED_VERSION', 'none', 'the broker does not know this version of the request'),
  row(36, 'TOPIC_ALREADY_EXISTS', 'none', 'there is a topic of this name'),
  row(37, 'INVALID_PARTITIONS', 'none', 'the number of partitions is not valid'),
  row(38, 'INVALID_REPLICATION_FACTOR', 'none', 'the replication factor is below 1 or above the number of brokers'),
  row(39, 'INVALID_REPLICA_ASSIGNMENT', 'none', 'the replicas given are not valid'),
  row(40, 'INVALID_CONFIG', 'none', 'the configuration is not valid'),
  row(41, 'NOT_CONTROLLER', 'refresh-metadata', 'the broker is not the controller'),
  row(42, 'INVALID_REQUEST', 'none', 'the broker finds the request malformed; its log says more'),
  row(43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'none', 'the message format of the log cannot hold this'),
  row(44, 'POLICY_VIOLATION', 'none', 'a policy of the cluster forbids it'),
  row(45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'fatal', 'batches of the producer are missing before this one'),
  row(46, 'DUPLICATE_SEQUENCE_NUMBER', 'none', 'the broker has this batch already'),
  row(47, 'INVALID_PRODUCER_EPOCH', 'fatal', 'a newer epoch of this producer exists'),
  row(48, 'INVALID_TXN_STATE', 'fatal', 'the transaction is not in a state that allows it'),
  row(49, 'INVALID_PRODUCER_ID_MAPPING', 'fatal', 'the producer id does not belong to the transactional id any more'),
  row(50, 'INVALID_TRANSACTION_TIMEOUT', 'none', 'the transaction timeout is longer than the broker allows'),
  row(51, 'CONCURRENT_TRANSACTIONS', 'retry', 'the transaction before is still being ended'),
  row(52, 'TRANSACTION_COORDINATOR_FENCED', 'none', 'the transaction has another coordinator now'),
  row(53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'none', 'not allowed on this transactional id'),
  row(54, 'SECURITY_DISABLED', 'none', 'the broker has no authorizer'),
  row(55, 'OPERATION_NOT_ATTEMPTED', 'none', 'not tried, because another part of the request failed'),
  row(56, 'KAFKA_STORAGE_ERROR', 'refresh-metadata', 'a disk of the broker failed', 'maybe'),
  row(57, 'LOG_DIR_NOT_FOUND', 'none', 'the broker has no such log directory'),
  row(58, 'SASL_AUTHENTICATION_FAILED', 'fatal', 'the broker does not accept these credentials'),
  row(59, 'UNKNOWN_PRODUCER_ID', 'fatal', 'the broker remembers nothing of this producer'),
  row(60, 'REASSIGNMENT_IN_PROGRESS', 'none', 'the partition is being moved'),
  row(61, 'DELEGATION_TOKEN_AUTH_DISABLED', 'none', 'the broker does not use delegation tokens'),
  row(62, 'DELEGATION_TOKEN_NOT_FOUND', 'none', 'the broker does not have this delegation token'),
  row(63, 'DELEGATION_TOKEN_OWNER_MISMATCH', 'none', 'the delegation token belongs to someone else'),
  row(64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', 'none', 'delegation tokens cannot be asked for over this connection'),
  row(65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', 'none', 'not allowed on this delegation token'),
  row(66, 'DELEGATION_TOKEN_EXPIRED', 'none', 'the delegation token has expired'),
  row(67, 'INVALID_PRINCIPAL_TYPE', 'none', 'the broker does not know this type of principal'),
  row(68, 'NON_EMPTY_GROUP', 'none', 'the group has members'),
  row(69, 'GROUP_ID_NOT_FOUND', 'none', 'there is no such group'),
  row(70, 'FETCH_SESSION_ID_NOT_FOUND', 'retry', 'the broker has forgotten the fetch session'),
  row(71, 'INVALID_FETCH_SESSION_EPOCH', 'retry', 'the fetch session is out of step'),
  row(72, 'LISTENER_NOT_FOUND', 'refresh-metadata', 'the leader cannot be reached over the listener used here'),
  row(73, 'TOPIC_DELETION_DISABLED', 'none', 'the broker does not allow topics to be deleted'),
  row(74, 'FENCED_LEADER_EPOCH', 'refresh-metadata', 'the partition has a newer leader than the request knows'),
  row(75, 'UNKNOWN_LEADER_EPOCH', 'refresh-metadata', 'the broker does not know yet of a leader this new'),
  row(76, 'UNSUPPORTED_COMPRESSION_TYPE', 'none', 'this version of the request cannot carry the compression used'),
  row(77, 'STALE_BROKER_EPOCH', 'none', 'the broker has registered anew'),
  row(78, 'OFFSET_NOT_AVAILABLE', 'retry', 'a new leader does not know yet how far the log is safe'),
  row(79, 'MEMBER_ID_REQUIRED', 'rejoin', 'join again with the member id just given'),
  row(80, 'PREFERRED_LEADER_NOT_AVAILABLE', 'refresh-metadata', 'the preferred leader is not there'),
  row(81, 'GROUP_MAX_SIZE_REACHED', 'fatal', 'the group has as many members as the broker allows'),
  row(82, 'FENCED_INSTANCE_ID', 'fatal', 'another member joined with the same instance id'),
  row(83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', 'refresh-metadata', 'no replica that could lead is there'),
  row(84, 'ELECTION_NOT_NEEDED', 'none', 'the partition has the leader it should have'),
  row(85, 'NO_REASSIGNMENT_IN_PROGRESS', 'none', 'the partition is not being moved'),
  row(86, 'GROUP_SUBSCRIBED_TO_TOPIC', 'none', 'a member of the group is subscribed to the topic'),
  row(87, 'INVALID_RECORD', 'none', 'the broker finds a record invalid'),
  row(88, 'UNSTABLE_OFFSET_COMMIT', 'retry', 'a transaction that commits offsets of the group is still open'),
  row(89, 'THROTTLING_QUOTA_EXCEEDED', 'retry', 'a quota is used up'),
  row(90, 'PRODUCER_FENCED', 'fatal', 'a newer producer has this transactional id'),
  row(91, 'RESOURCE_NOT_FOUND', 'none', 'there is no such resource'),
  row(92, 'DUPLICATE_RESOURCE', 'none', 'a resource is named twice'),
  row(93, 'UNACCEPTABLE_CREDENTIAL', 'none', 'the credential is too weak or not legal'),
  row(94, 'INCONSISTENT_VOTER_SET', 'none', 'the controllers do not agree who votes'),
  row(95, 'INVALID_UPDATE_VERSION', 'none', 'the feature version is not valid'),
  row(96, 'FEATURE_UPDATE_FAILED', 'none', 'the features could not be changed; the log of the controller says more'),
  row(97, 'PRINCIPAL_DESERIALIZATION_FAILURE', 'none', 'the controller cannot read who asks'),
  row(98, 'SNAPSHOT_NOT_FOUND', 'none', 'there is no such snapshot'),
  row(99, 'POSITION_OUT_OF_RANGE', 'none', 'the position is outside of the snapshot'),
  row(100, 'UNKNOWN_TOPIC_ID', 'refresh-metadata', 'the broker does not have a topic of this id'),
  row(101, 'DUPLICATE_BROKER_REGISTRATION', 'none', 'another broker uses this id'),
  row(102, 'BROKER_ID_NOT_REGISTERED', 'none', 'no broker of this id is registered'),
  row(103, 'INCONSISTENT_TOPIC_ID', 'refresh-metadata', 'the topic of this name has another id'),
  row(104, 'INCONSISTENT_CLUSTER_ID', 'fatal', 'this is another cluster'),
  row(105, 'TRANSACTIONAL_ID_NOT_FOUND', 'none', 'the coordinator does not know this transactional id'),
  row(106, 'FETCH_SESSION_TOPIC_ID_ERROR', 'retry', 'the fetch session mixes topic ids and topic names'),
  row(107, 'INELIGIBLE_REPLICA', 'none', 'a replica cannot be in sync'),
  row(108, 'NEW_LEADER_ELECTED', 'none', 'the change was made, and the partition has a new leader'),
  row(109, 'OFFSET_MOVED_TO_TIERED_STORAGE', 'none', 'the offset is not on local disks any more'),
  row(110, 'FENCED_MEMBER_EPOCH', 'rejoin', 'the group has given up on this member'),
  row(111, 'UNRELEASED_INSTANCE_ID', 'fatal', 'another member still uses this instance id'),
  row(112, 'UNSUPPORTED_ASSIGNOR', 'fatal', 'the broker does not know this assignor'),
  row(113, 'STALE_MEMBER_EPOCH', 'rejoin', 'the member has not heard yet of its new epoch'),
  row(114, 'MISMATCHED_ENDPOINT_TYPE', 'none', 'a controller was asked for a broker, or a broker for a controller'),
  row(115, 'UNSUPPORTED_ENDPOINT_TYPE', 'none', 'the broker does not know this type of endpoint'),
  row(116, 'UNKNOWN_CONTROLLER_ID', 'none', 'there is no controller of this id'),
  row(117, 'UNKNOWN_SUBSCRIPTION_ID', 'none', 'the telemetry subscription is out of date'),
  row(118, 'TELEMETRY_TOO_LARGE', 'none', 'more telemetry than the broker takes'),
  row(119, 'INVALID_REGISTRATION', 'none', 'the controller does not accept the registration'),
  row(120, 'TRANSACTION_ABORTABLE', 'none', 'the transaction failed; abort it, then go on'),
  row(121, 'INVALID_RECORD_STATE', 'none', 'the record is not in a state that can be acknowledged'),
  row(122, 'SHARE_SESSION_NOT_FOUND', 'retry', 'the broker has forgotten the share session'),
  row(123, 'INVALID_SHARE_SESSION_EPOCH', 'retry', 'the share session is out of step'),
  row(124, 'FENCED_STATE_EPOCH', 'none', 'the share group has moved on'),
  row(125, 'INVALID_VOTER_KEY', 'none', 'the key of the voter is another'),
  row(126, 'DUPLICATE_VOTER', 'none', 'it votes already'),
  row(127, 'VOTER_NOT_FOUND', 'none', 'it does not vote'),
  row(128, 'INVALID_REGULAR_EXPRESSION', 'none', 'the broker cannot read the pattern'),
  row(129, 'REBOOTSTRAP_REQUIRED', 'refresh-metadata', 'begin again from the bootstrap addresses'),
  row(130, 'STREAMS_INVALID_TOPOLOGY', 'none', 'the topology is not valid'),
  row(131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', 'none', 'the epoch of the topology is not valid'),
  row(132, 'STREAMS_TOPOLOGY_FENCED', 'none', 'a newer topology exists'),
  row(133, 'SHARE_SESSION_LIMIT_REACHED', 'retry', 'the broker has as many share sessions as it allows'),
] as const;

/** Kafka's name of an error, as far as we know them. */
export type BrokerErrorName = (typeof rows)[number]['name'];

/** Every name with its number. */
export const errorNumbers = Object.freeze(Object.fromEntries(rows.map(({ name, number }) => [name, number]))) as Readonly<
  Record<BrokerErrorName, number>
>;

/** Names that older brokers and clients had for the same errors. */
export const errorAliases: ReadonlyMap<string, BrokerErrorName> = new Map([
  ['UNKNOWN', 'UNKNOWN_SERVER_ERROR'],
  ['INVALID_MESSAGE', 'CORRUPT_MESSAGE'],
  ['INVALID_MESSAGE_SIZE', 'INVALID_FETCH_SIZE'],
  ['NOT_LEADER_FOR_PARTITION', 'NOT_LEADER_OR_FOLLOWER'],
  ['MESSAGE_SIZE_TOO_LARGE', 'MESSAGE_TOO_LARGE'],
  ['STALE_LEADER_EPOCH_CODE', 'NETWORK_EXCEPTION'],
  ['LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['GROUP_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['CONSUMER_COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['GROUP_COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_COORDINATOR_FOR_CONSUMER', 'NOT_COORDINATOR'],
  ['NOT_COORDINATOR_FOR_GROUP', 'NOT_COORDINATOR'],
  ['INVALID_TOPIC', 'INVALID_TOPIC_EXCEPTION'],
]);

const byNumber: ReadonlyMap<number, Row> = new Map(rows.map(known => [known.number, known]));

/** What is known of an error number. One that is not known is named `UNKNOWN_CODE_<number>`, has no remedy, and leaves a write in doubt. */
export function brokerErrorRow(number: number): Row {
  return byNumber.get(number) ?? row(number, `UNKNOWN_CODE_${number}`, 'none', 'a broker newer than this client has a new error', 'maybe');
}

const retriable: Readonly<Record<Remedy, boolean>> = {
  none: false,
  retry: true,
  'refresh-metadata': true,
  'find-coordinator': true,
  rejoin: false,
  'reset-offset': false,
  fatal: false,
};

export interface BrokerErrorDetail {
  readonly context?: ErrorContext | undefined;
  /** What the broker said in its own words, if it did. */
  readonly message?: string | null | undefined;
  readonly cause?: unknown;
  /** Where more is known than the table says: the same call may succeed later. */
  readonly retriable?: boolean | undefined;
  /** Where more is known than the table says: whether the write may have happened. */
  readonly persistence?: Persistence | undefined;
}

/** The error for a broker's refusal. `what` says what was refused and where: `fetch orders/3 from broker 2`. */
export function brokerError(number: number, what: string, detail: BrokerErrorDetail = {}): BrokerError {
  const { context, message, cause } = detail;
  const { name, text, remedy, persistence } = brokerErrorRow(number);
  return new BrokerError(name, `${what}: ${name} (${number}), ${message || text}`, {
    errno: number,
    retriable: detail.retriable ?? retriable[remedy],
    persistence: detail.persistence ?? persistence,
    context,
    cause,
  });
}
