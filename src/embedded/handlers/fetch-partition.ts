import { errorNumbers } from '../../base/broker-errors.js';
import type { Fetch, RequestIn, ResponseInput } from '../../protocol/index.js';
import type { Call } from '../handler.js';
import { withWrongChecksum } from '../log.js';
import type { Partition } from '../topic.js';
import { findHeld, findLed, type LeaderHints, type NamedTopic } from './leadership.js';

export type PartitionAnswer = ResponseInput<typeof Fetch>['responses'][number]['partitions'][number];
/** What is asked for one partition. */
export type Wanted = RequestIn<typeof Fetch>['topics'][number]['partitions'][number];

const READ_COMMITTED = 1;
/** The first version that may carry zstd. */
const ZSTD_FROM = 10;
/** The first version that followers answer too (KIP-392). */
const REPLICAS_FROM = 11;

export interface PartitionRead {
  readonly answer: PartitionAnswer;
  readonly partition: Partition | undefined;
  readonly sizeBytes: number;
}

/**
 * What there is of one partition now.
 * @param first Whether the first batch comes whatever its size: nothing is in the answer yet (KIP-74).
 */
export function readPartition(
  call: Call<typeof Fetch>,
  topic: NamedTopic,
  wanted: Wanted,
  hints: LeaderHints,
  roomBytes: number,
  first: boolean,
): PartitionRead {
  const { partition: partitionIndex, fetchOffset, lastFetchedEpoch, partitionMaxBytes } = wanted;
  const find = call.version < REPLICAS_FROM ? findLed : findHeld;
  const led = find(call, topic, partitionIndex, wanted.currentLeaderEpoch);
  const { partition } = led;
  if (partition === undefined || led.error !== 0) {
    const abortedTransactions = partition === undefined ? [] : null;
    const answer = { ...refused(partitionIndex, led.error), abortedTransactions, currentLeader: hints.about(led) };
    return { answer, partition, sizeBytes: 0 };
  }
  const { log, lastStableOffset, epochs } = partition;
  const fetched = lastFetchedEpoch < 0 ? undefined : epochs.endOf(lastFetchedEpoch, log.endOffset);
  const isUnknown = lastFetchedEpoch >= 0 && fetched === undefined;
  const diverges = fetched !== undefined && (fetched.epoch < lastFetchedEpoch || fetched.endOffset < fetchOffset);
  if (isUnknown || fetchOffset < log.startOffset || (fetchOffset > log.endOffset && !diverges)) {
    return { answer: refused(partitionIndex, errorNumbers.OFFSET_OUT_OF_RANGE), partition, sizeBytes: 0 };
  }
  const isCommitted = call.body.isolationLevel === READ_COMMITTED;
  const state = {
    partitionIndex,
    errorCode: 0,
    highWatermark: log.endOffset,
    lastStableOffset,
    logStartOffset: log.startOffset,
    abortedTransactions: isCommitted ? [] : null,
    records: [],
  };
  const nearer =
    call.version >= REPLICAS_FROM && partition.leader === call.broker ? call.cluster.nearer(partition, call.body.rackId) : undefined;
  if (nearer !== undefined) return { answer: { ...state, preferredReadReplica: nearer }, partition, sizeBytes: 0 };
  if (diverges) return { answer: { ...state, divergingEpoch: fetched }, partition, sizeBytes: 0 };
  const until = isCommitted ? lastStableOffset : log.endOffset;
  const maxBytes = Math.max(0, Math.min(partitionMaxBytes, roomBytes));
  const { chunks, sizeBytes, hasZstd } = log.read(fetchOffset, maxBytes, first, call.cluster.options.cutBatches, until);
  if (hasZstd && call.version < ZSTD_FROM) {
    return { answer: refused(partitionIndex, errorNumbers.UNSUPPORTED_COMPRESSION_TYPE), partition, sizeBytes: 0 };
  }
  if (sizeBytes === 0) return { answer: state, partition, sizeBytes };
  const answer = {
    ...state,
    // As Kafka's, the list goes past what is in this answer: the client has to look where each begins. Beside nothing it is empty.
    abortedTransactions: isCommitted ? partition.transactions.abortedFrom(fetchOffset) : null,
    records: call.damages({ topic: topic.name, partition: partitionIndex }) ? damaged(chunks) : chunks,
  };
  return { answer, partition, sizeBytes };
}

/** The checksum of the first batch is wrong; what is stored is not touched. */
function damaged([first, ...others]: readonly Buffer[]): Buffer[] {
  return first === undefined ? [] : [withWrongChecksum(first), ...others];
}

const refused = (partitionIndex: number, errorCode: number): PartitionAnswer => ({
  partitionIndex,
  errorCode,
  highWatermark: -1,
  abortedTransactions: null,
  records: [],
});
