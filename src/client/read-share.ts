import { CorruptRecordError } from '../base/errors.js';
import { AbortedFilter, type AbortedTransaction, damagedBatch, type Message, readBatches } from '../records/index.js';

/** What becomes of damaged records: an error, nothing, or an invalid message in their place. */
export type OnDamage = 'throw' | 'skip' | 'return';

/** What a fetch answer holds for one partition, and how to read it. */
export interface ShareToRead {
  readonly topic: string;
  readonly partition: number;
  /** What was asked for. */
  readonly offset: number;
  readonly records: Buffer | null;
  /** Null where aborted transactions are wanted too. */
  readonly aborted: readonly AbortedTransaction[] | null;
  readonly includeBatchHead: boolean;
  readonly onCorrupt: OnDamage;
  readonly maxDecompressedBytes: number;
  /** Gives others a turn while much is decompressed. */
  readonly turn: () => Promise<void>;
}

/** The messages of a share. */
export interface ReadShare {
  readonly messages: readonly Message[];
  /** Behind all that was read or passed over; as asked for when there was nothing. */
  readonly nextOffset: number;
  /** The first damage that was met. What it does to the reader is for `onCorrupt` to say; with `'throw'` reading has ended before it. */
  readonly damage: CorruptRecordError | undefined;
  /** The size of a first batch that the broker cut short, as none did since Kafka 0.10.1; else 0. */
  readonly bytesNeeded: number;
}

/**
 * Reads all of it: control batches and aborted ones are passed over, and so are empty ones.
 * @throws KafkaError `TIDE_UNSUPPORTED` for a codec that is not there, `TIDE_TOO_LARGE` for a batch that decompresses to too much; where messages
 * come before it, these are given, and it is met by the next fetch.
 */
export async function readShare(share: ShareToRead): Promise<ReadShare> {
  const { topic, partition, offset, onCorrupt, maxDecompressedBytes, turn } = share;
  const fromOffset = share.includeBatchHead ? 0 : offset;
  const reader = readBatches(share.records, { topic, partition, fromOffset, maxDecompressedBytes });
  const filter = new AbortedFilter(share.aborted);
  const messages: Message[] = [];
  let nextOffset = offset;
  let damage: CorruptRecordError | undefined;
  for (;;) {
    let end = -1;
    try {
      const batch = reader.next();
      if (batch === undefined) break;
      end = batch.nextOffset;
      if (!filter.skips(batch) && (share.includeBatchHead || end > offset)) {
        await batch.openInTurns(turn);
        for (const message of batch) messages.push(message);
      }
      nextOffset = Math.max(nextOffset, end);
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) {
        if (messages.length === 0) throw error;
        break;
      }
      damage ??= error;
      if (onCorrupt === 'throw') break;
      const damagedEnd = Math.max(nextOffset + 1, end < 0 ? reader.endOfDamage(nextOffset) : end);
      if (onCorrupt === 'return') messages.push(...damagedBatch({ topic, partition }, nextOffset, damagedEnd, error));
      nextOffset = damagedEnd;
      if (end < 0) break; // what comes behind is fetched again, and read with a reader of its own
    }
  }
  return { messages, nextOffset, damage, bytesNeeded: nextOffset === offset ? reader.bytesNeeded : 0 };
}
