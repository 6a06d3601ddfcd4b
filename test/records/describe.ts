import type { RecordBatch } from '../../src/records/index.js';

/** What batches say, in the words of KafkaRecords.java. */
export const describeBatches = (batches: Iterable<RecordBatch>) =>
  Array.from(batches, batch => ({
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    nextOffset: batch.nextOffset,
    leaderEpoch: batch.leaderEpoch,
    magic: batch.magic,
    compression: batch.compression as string,
    timestampType: batch.timestampType as string,
    maxTimestamp: batch.maxTimestamp,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: batch.recordCount,
    sizeBytes: batch.sizeBytes,
    messages: Array.from(batch, message => ({
      offset: message.offset,
      timestamp: message.timestamp,
      key: message.key?.toString('hex') ?? null,
      value: message.value?.toString('hex') ?? null,
      headers: message.headers.map(([name, value]) => [name, value?.toString('hex') ?? null]),
    })),
  }));
