import { brokerErrorRow, errorNumbers } from './broker-errors.js';

/** What an `errno` means. */
export interface ErrorCodeInfo {
  readonly number: number;
  /** Kafka's own name; for the numbers from -1000 down, the name that the Perl client gave them. */
  readonly name: string;
  /** In a few plain words. */
  readonly text: string;
  /** Whether the same call may succeed later without any change by the caller. */
  readonly retriable: boolean;
  /** Other names of it: those of earlier releases of Kafka and of older clients. */
  readonly aliases: readonly string[];
}

/** What Kafka called them once, and what kafka-python and the Perl client call them. */
const aliases: Readonly<Record<number, readonly string[]>> = {
  [-1]: ['UNKNOWN'],
  0: ['NO_ERROR'],
  2: ['INVALID_MESSAGE'],
  4: ['INVALID_MESSAGE_SIZE', 'INVALID_FETCH_REQUEST'],
  6: ['NOT_LEADER_FOR_PARTITION'],
  10: ['MESSAGE_SIZE_TOO_LARGE'],
  13: ['STALE_LEADER_EPOCH'],
  14: ['GROUP_LOAD_IN_PROGRESS', 'LOAD_IN_PROGRESS', 'OFFSETS_LOAD_IN_PROGRESS'],
  15: ['GROUP_COORDINATOR_NOT_AVAILABLE', 'CONSUMER_COORDINATOR_NOT_AVAILABLE'],
  16: ['NOT_COORDINATOR_FOR_GROUP', 'NOT_COORDINATOR_FOR_CONSUMER'],
  17: ['INVALID_TOPIC'],
};

/** The numbers the Perl client reserved for what no broker says, and our codes that mean the same. Which of them `errno` has stands in `KafkaError`. */
const clientRows: readonly (readonly [number: number, name: string, text: string, retriable: boolean, aliases: readonly string[]])[] = [
  [-1000, 'MISMATCH_ARGUMENT', 'an argument or option that cannot be', false, ['TIDE_INPUT', 'TIDE_OPTION', 'TIDE_KEY_REQUIRED']],
  [-1001, 'CANNOT_SEND', 'the request could not be sent', true, []],
  [-1002, 'SEND_NO_ACK', 'the messages were sent and not acknowledged: they may be stored', true, []],
  [-1003, 'CANNOT_RECV', 'no answer came in time', true, ['TIDE_TIMEOUT']],
  [-1004, 'CANNOT_BIND', 'no connection to the broker could be opened', true, ['TIDE_CONNECTION']],
  [-1005, 'METADATA_ATTRIBUTES', 'the attributes of a message are not known', false, []],
  [-1006, 'UNKNOWN_APIKEY', 'the API is not known', false, []],
  [-1007, 'CANNOT_GET_METADATA', 'the cluster could not be asked for its topics and brokers', true, []],
  [-1008, 'LEADER_NOT_FOUND', 'the leader of the partition is not known', true, []],
  [-1009, 'MISMATCH_CORRELATIONID', 'the answer belongs to another request', true, []],
  [-1010, 'NO_KNOWN_BROKERS', 'no broker could be reached', true, []],
  [-1011, 'REQUEST_OR_RESPONSE', 'a request or an answer that is not what the protocol says', false, ['TIDE_PROTOCOL']],
  [-1012, 'TOPIC_DOES_NOT_MATCH', 'the answer is about another topic', false, []],
  [-1013, 'PARTITION_DOES_NOT_MATCH', 'the answer is about another partition', false, []],
  [-1014, 'NOT_BINARY_STRING', 'text where bytes are wanted; here text is written as UTF-8', false, []],
  [-1015, 'COMPRESSION', 'records could not be compressed or read', false, ['TIDE_CORRUPT']],
  [-1016, 'RESPONSEMESSAGE_NOT_RECEIVED', 'an answer broke off', true, []],
  [-1017, 'INCOMPATIBLE_HOST_IP_VERSION', 'the address is not of the IP version asked for', false, []],
  [-1018, 'NO_CONNECTION', 'the connection was lost', true, []],
  [-1019, 'GROUP_COORDINATOR_NOT_FOUND', 'the group has no coordinator', true, []],
];

function brokerRow(number: number): ErrorCodeInfo {
  const { name, text, remedy } = brokerErrorRow(number);
  const retriable = remedy === 'retry' || remedy === 'refresh-metadata' || remedy === 'find-coordinator';
  return Object.freeze({ number, name, text, retriable, aliases: Object.freeze(aliases[number] ?? []) });
}

const clientRow = ([number, name, text, retriable, also]: (typeof clientRows)[number]): ErrorCodeInfo =>
  Object.freeze({ number, name: `ERROR_${name}`, text, retriable, aliases: Object.freeze([name, ...also]) });

/**
 * What each `errno` means: Kafka's error codes from -1 up, and the numbers from -1000 to -1019 that the Perl client reserved for what no broker
 * says. A number that is not here is of a broker newer than this package.
 */
export const errorCodes: ReadonlyMap<number, ErrorCodeInfo> = new Map(
  [...clientRows.map(clientRow), ...Object.values(errorNumbers).map(brokerRow)]
    .sort((a, b) => a.number - b.number)
    .map(info => [info.number, info]),
);

const byName = new Map([...errorCodes.values()].flatMap(info => [info.name, ...info.aliases].map(name => [name, info])));

/**
 * What a name means, Kafka's own or an alias; also as older clients write it: `ERROR_NOT_LEADER_FOR_PARTITION`, `GROUP_LOAD_IN_PROGRESS_CODE`
 * (Perl), `NotLeaderForPartitionError` (kafka-python). Undefined for what is none.
 */
export function errorCodeNamed(name: string): ErrorCodeInfo | undefined {
  const plain = /^[A-Z0-9_]+$/.test(name)
    ? name
    : name
        .replace(/Error$/, '')
        .replace(/([a-z])([A-Z])/g, '$1_$2')
        .toUpperCase();
  return byName.get(plain) ?? byName.get(plain.replace(/^ERROR_/, '').replace(/_CODE$/, ''));
}
