/**
 * Kafka's protocol by itself: every request tidemark speaks, in every version, and record batches. For tools, proxies and tests.
 * @module
 */
export { crc32c } from './bytes/crc32c.js';
export { Reader } from './bytes/reader.js';
export { Writer } from './bytes/writer.js';
export * from './protocol/index.js';
export {
  BatchReader,
  type CompressionName,
  type ControlType,
  compress,
  decodeBatches,
  decompress,
  type EncodeOptions,
  encodeBatch,
  type HeadersInput,
  type ReadOptions,
  RecordBatch,
  type RecordInput,
  type RecordSource,
  readBatches,
  type SealOptions,
  type TimestampType,
} from './records/index.js';
