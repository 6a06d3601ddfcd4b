import { type HeaderList, readBatches, type TimestampType } from '../records/index.js';
import type { Partition } from './topic.js';

/** A record of the embedded cluster, in memory of its own. */
export interface StoredRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In the order they were written, duplicates included. */
  readonly headers: HeaderList;
  /** Ms since 1970; -1 for none. */
  readonly timestamp: number;
  readonly timestampType: TimestampType;
}

/**
 * Everything a partition holds from the start of its log on, control batches left out.
 * @throws CorruptRecordError when it was damaged.
 */
export function recordsOf({ topic, index: partition, log }: Partition): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (const { bytes } of log.batches()) {
    for (const batch of readBatches(bytes, { topic, partition, fromOffset: log.startOffset })) {
      if (batch.isControl) continue;
      for (const message of batch) {
        const { offset, key, value, headers, timestamp, timestampType } = message.detach();
        records.push({ offset, key, value, headers, timestamp, timestampType });
      }
    }
  }
  return records;
}
