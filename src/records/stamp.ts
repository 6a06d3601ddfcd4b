import { putChecksum, putInt64 } from './builder.js';
import {
  APPEND_TIME_BIT,
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  LEADER_EPOCH_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
} from './layout.js';

/** Writes into a sealed batch where a broker put it. The checksum does not cover these fields and stays as it is. */
export function stampOffset(batch: Buffer, baseOffset: number, leaderEpoch: number): void {
  putInt64(batch, 0, baseOffset);
  batch.writeInt32BE(leaderEpoch, LEADER_EPOCH_AT);
}

/** Writes into a sealed batch that a broker appended it at `timestamp`, in milliseconds: all its records have that timestamp from now on. */
export function stampAppendTime(batch: Buffer, timestamp: number): void {
  batch.writeInt16BE(batch.readInt16BE(ATTRIBUTES_AT) | APPEND_TIME_BIT, ATTRIBUTES_AT);
  putInt64(batch, MAX_TIMESTAMP_AT, timestamp);
  putChecksum(batch);
}

/** Writes into a sealed batch which idempotent producer sends it, and the sequence number of its first record. */
export function stampProducer(batch: Buffer, producerId: number, producerEpoch: number, baseSequence: number): void {
  putInt64(batch, PRODUCER_ID_AT, producerId);
  batch.writeInt16BE(producerEpoch, PRODUCER_EPOCH_AT);
  batch.writeInt32BE(baseSequence, BASE_SEQUENCE_AT);
  putChecksum(batch);
}
