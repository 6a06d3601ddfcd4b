import type { RecordBatch } from './batch.js';
import { corrupt } from './corrupt.js';
import { type ReadOptions, readBatches } from './reader.js';

/**
 * The one batch that a producer may send for a partition, opened.
 * @throws CorruptRecordError when `bytes` are not exactly one sound batch, or one that only a broker may write: offsets with gaps, a control
 * batch, a timestamp type or a sequence a producer cannot have. KafkaError and UnsupportedError as {@link RecordBatch.open}.
 */
export function validateBatch(bytes: Uint8Array, options: ReadOptions): RecordBatch {
  const reader = readBatches(bytes, options);
  const batch = reader.next()?.open();
  if (batch === undefined) throw corrupt(options, 0, `expected one whole batch, got ${bytes.length} bytes`);
  const wrong = whatIsWrong(batch, bytes.length);
  if (wrong !== undefined) throw corrupt(options, batch.baseOffset, wrong);
  return batch;
}

function whatIsWrong(batch: RecordBatch, sizeBytes: number): string | undefined {
  if (batch.magic !== 2) return `message format ${batch.magic}, which old producers write`;
  if (batch.sizeBytes !== sizeBytes) return `${sizeBytes - batch.sizeBytes} bytes follow the one batch a produce request may hold`;
  if (batch.recordCount === 0) return 'a batch without records';
  // Offsets grow and end at the last: with as many offsets as records there is no gap.
  if (batch.recordCount !== batch.lastOffset - batch.baseOffset + 1) return 'its offsets have gaps, which only compaction may make';
  if (batch.isControl) return 'a control batch, which only a broker may write';
  if (batch.timestampType !== 'create') return 'append time, which only a broker may set';
  if (batch.producerId >= 0 && (batch.producerEpoch < 0 || batch.baseSequence < 0)) return 'a producer id without epoch and sequence';
  if (batch.producerId < 0 && batch.isTransactional) return 'a transaction without a producer id';
  return undefined;
}
