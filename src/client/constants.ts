/**
 * The constants of the Perl clients by their names there, as this package's options want them: codecs and acks by value, ends of a log as
 * `offsets` knows them, times in ms. Their time-outs and sizes are not our defaults; they are here for programs that were tuned to them.
 */
export const constants = Object.freeze({
  KAFKA_SERVER_PORT: 9092,
  /** In ms. */
  REQUEST_TIMEOUT: 1500,
  DEFAULT_MAX_BYTES: 1_000_000,
  /** Attempts, the first included. */
  SEND_MAX_ATTEMPTS: 4,
  /** In ms. */
  RETRY_BACKOFF: 200,
  RECEIVE_LATEST_OFFSET: 'latest',
  RECEIVE_LATEST_OFFSETS: 'latest',
  RECEIVE_EARLIEST_OFFSET: 'earliest',
  RECEIVE_EARLIEST_OFFSETS: 'earliest',
  TIMESTAMP_LATEST: 'latest',
  TIMESTAMP_EARLIEST: 'earliest',
  DEFAULT_MAX_NUMBER_OF_OFFSETS: 100,
  MIN_BYTES_RESPOND_IMMEDIATELY: 0,
  MIN_BYTES_RESPOND_HAS_DATA: 10,
  NOT_SEND_ANY_RESPONSE: 0,
  WAIT_WRITTEN_TO_LOCAL_LOG: 1,
  BLOCK_UNTIL_IS_COMMITTED: -1,
  /** In ms. */
  DEFAULT_MAX_WAIT_TIME: 100,
  MESSAGE_SIZE_OVERHEAD: 34,
  MAX_SOCKET_REQUEST_BYTES: 104_857_600,
  IP_V4: 4,
  IP_V6: 6,
  COMPRESSION_NONE: 'none',
  COMPRESSION_GZIP: 'gzip',
  COMPRESSION_SNAPPY: 'snappy',
  COMPRESSION_LZ4: 'lz4',
  /** Every number in JavaScript holds Kafka's offsets, up to 2^53 - 1. */
  BITS64: true,
} as const);
