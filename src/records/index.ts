export { AbortedFilter, type AbortedTransaction } from './aborted.js';
export { damagedBatch, RecordBatch } from './batch.js';
export { BatchBuilder, putChecksum, recordBytes, type SealOptions } from './builder.js';
export {
  type Codec,
  type CompressionName,
  codecOf,
  compress,
  compressionNames,
  decompress,
  OutputLimitError,
  rawSnappy,
  registerCodec,
} from './compression/index.js';
export type { ControlType } from './control.js';
export { DeserializedMessage } from './deserialized-message.js';
export { type EncodeOptions, encodeBatch, encodeTransactionEnd, type RecordInput, type TransactionEnd } from './encode.js';
export type { HeaderList } from './headers.js';
export { inflateBatches, isCompressed } from './inflate.js';
export { type Bytes, type CheckedHeaders, type HeadersInput, toBytes, toHeaders, toTimestamp } from './input.js';
export type { RecordSource, TimestampType } from './layout.js';
export { type AnyMessage, Message, originOf } from './message.js';
export { BatchReader, decodeBatches, type ReadOptions, readBatches } from './reader.js';
export { type Scan, scanBatches } from './scan.js';
export { stampAppendTime, stampOffset, stampProducer } from './stamp.js';
export { validateBatch } from './validate.js';
