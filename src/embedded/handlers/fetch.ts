import { errorNumbers } from '../../base/broker-errors.js';
import { Fetch, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { withWrongChecksum } from '../log.js';
import type { Partition } from '../topic.js';
import { findLed, findTopic, LeaderHints, type NamedTopic } from './leadership.js';

type Answer = ResponseInput<typeof Fetch>;
type PartitionAnswer = Answer['responses'][number]['partitions'][number];
type Wanted = RequestIn<typeof Fetch>['topics'][number]['partitions'][number];

const READ_COMMITTED = 1;
/** The first version that may carry zstd. */
const ZSTD_FROM = 10;
const LEADERS_FROM = 12;
const IDS_FROM = 13;
const ENDPOINTS_FROM = 16;
/** Errors of a session, which stand in front of all partitions; no sessions are kept, which every client must bear. */
const SESSION_ERRORS: readonly number[] = [errorNumbers.FETCH_SESSION_ID_NOT_FOUND, errorNumbers.INVALID_FETCH_SESSION_EPOCH];

/** Record batches, as soon as there are `minBytes` of them or `maxWaitMs` are over. */
export const fetch = handler({
  api: Fetch,
  versions: [4, Fetch.versions[1]],
  async answer(call) {
    const { body, cluster, closed } = call;
    const { maxWaitMs, minBytes, sessionId } = body;
    if (sessionId !== 0) return { errorCode: errorNumbers.FETCH_SESSION_ID_NOT_FOUND, responses: [] };
    const refused = call.refusal({});
    if (SESSION_ERRORS.includes(refused)) return { errorCode: refused, responses: [] };
    const until = cluster.clock.now() + maxWaitMs;
    for (;;) {
      const share = gather(call);
      const waitMs = until - cluster.clock.now();
      if (share.complete || share.sizeBytes >= minBytes || waitMs <= 0 || closed.aborted) return share.answer;
      await change(call, share.partitions, waitMs);
    }
  },
});

interface Share {
  readonly answer: Answer;
  readonly sizeBytes: number;
  /** Nothing to wait for: an error, or no partitions. */
  readonly complete: boolean;
  /** What to wait for. */
  readonly partitions: readonly Partition[];
}

/** What there is for a fetch now. */
function gather(call: Call<typeof Fetch>): Share {
  const { body, cluster, version } = call;
  const hints = new LeaderHints(cluster, version >= LEADERS_FROM, version >= ENDPOINTS_FROM);
  const partitions: Partition[] = [];
  let sizeBytes = 0;
  let failed = false;
  const responses = body.topics.map(({ topic: name, topicId, partitions: wantedPartitions }) => {
    const topic = findTopic(cluster, name, topicId, version >= IDS_FROM);
    const answers = wantedPartitions.map(wanted => {
      const read = readPartition(call, topic, wanted, hints, body.maxBytes - sizeBytes, sizeBytes === 0);
      sizeBytes += read.sizeBytes;
      failed ||= read.answer.errorCode !== 0;
      if (read.partition !== undefined) partitions.push(read.partition);
      return read.answer;
    });
    return { topic: name, topicId, partitions: answers };
  });
  return {
    answer: { sessionId: 0, responses, nodeEndpoints: hints.endpoints() },
    sizeBytes,
    complete: failed || partitions.length === 0,
    partitions,
  };
}

interface PartitionRead {
  readonly answer: PartitionAnswer;
  readonly partition: Partition | undefined;
  readonly sizeBytes: number;
}

/** @param first Whether the first batch comes whatever its size: nothing is in the answer yet (KIP-74). */
function readPartition(
  call: Call<typeof Fetch>,
  topic: NamedTopic,
  wanted: Wanted,
  hints: LeaderHints,
  roomBytes: number,
  first: boolean,
): PartitionRead {
  const { partition: partitionIndex, fetchOffset, partitionMaxBytes } = wanted;
  const led = findLed(call, topic, partitionIndex, wanted.currentLeaderEpoch);
  const { partition } = led;
  if (partition === undefined || led.error !== 0) {
    const abortedTransactions = partition === undefined ? [] : null;
    const answer = { ...refused(partitionIndex, led.error), abortedTransactions, currentLeader: hints.about(led) };
    return { answer, partition, sizeBytes: 0 };
  }
  const { log, lastStableOffset } = partition;
  if (fetchOffset < log.startOffset || fetchOffset > log.endOffset) {
    return { answer: refused(partitionIndex, errorNumbers.OFFSET_OUT_OF_RANGE), partition, sizeBytes: 0 };
  }
  const isCommitted = call.body.isolationLevel === READ_COMMITTED;
  const until = isCommitted ? lastStableOffset : log.endOffset;
  const maxBytes = Math.max(0, Math.min(partitionMaxBytes, roomBytes));
  const { chunks, sizeBytes, hasZstd } = log.read(fetchOffset, maxBytes, first, call.cluster.options.cutBatches, until);
  if (hasZstd && call.version < ZSTD_FROM) {
    return { answer: refused(partitionIndex, errorNumbers.UNSUPPORTED_COMPRESSION_TYPE), partition, sizeBytes: 0 };
  }
  const answer = {
    partitionIndex,
    errorCode: 0,
    highWatermark: log.endOffset,
    lastStableOffset,
    logStartOffset: log.startOffset,
    // As Kafka's, the list goes past what is in this answer: the client has to look where each begins. Beside nothing it is empty.
    abortedTransactions: isCommitted ? (sizeBytes > 0 ? partition.transactions.abortedFrom(fetchOffset) : []) : null,
    records: sizeBytes > 0 && call.damages({ topic: topic.name, partition: partitionIndex }) ? damaged(chunks) : chunks,
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

/** Resolves when something happens to one of the partitions, when the time is over, or when nobody waits any more. */
function change({ cluster, closed }: Call<typeof Fetch>, partitions: readonly Partition[], waitMs: number): Promise<void> {
  return new Promise(resolve => {
    const wake = (): void => {
      timer.cancel();
      closed.removeEventListener('abort', wake);
      for (const partition of partitions) partition.unwatch(wake);
      resolve();
    };
    const timer = cluster.clock.after(waitMs, wake);
    closed.addEventListener('abort', wake);
    for (const partition of partitions) partition.watch(wake);
  });
}
