import { errorNumbers } from '../../base/broker-errors.js';
import { CorruptRecordError } from '../../base/errors.js';
import { ListOffsets, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import type { TimedOffset } from '../log.js';
import type { Partition } from '../topic.js';
import { findLed, findTopic, type NamedTopic } from './leadership.js';

type Wanted = RequestIn<typeof ListOffsets>['topics'][number]['partitions'][number];
type PartitionAnswer = ResponseInput<typeof ListOffsets>['topics'][number]['partitions'][number];

/** Times that are none, and the first version that has them. Source: KIP-734, KIP-405, KIP-1005. */
const [LATEST, EARLIEST, LARGEST, EARLIEST_LOCAL, LATEST_TIERED] = [-1, -2, -3, -4, -5];
const firstVersions: ReadonlyMap<number, number> = new Map([
  [LATEST, 0],
  [EARLIEST, 0],
  [LARGEST, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
]);

const EPOCH_FROM = 4;
const READ_COMMITTED = 1;

/** The offset of a time, or of an end of the log. */
export const listOffsets = handler({
  api: ListOffsets,
  versions: ListOffsets.versions,
  answer: call => ({
    topics: call.body.topics.map(({ name, partitions }) => {
      const topic = findTopic(call.cluster, name, '', false);
      return { name, partitions: partitions.map(wanted => answerPartition(call, topic, wanted)) };
    }),
  }),
});

function answerPartition(call: Call<typeof ListOffsets>, topic: NamedTopic, wanted: Wanted): PartitionAnswer {
  const { partitionIndex, timestamp, currentLeaderEpoch } = wanted;
  const { partition, error } = findLed(call, topic, partitionIndex, currentLeaderEpoch);
  if (partition === undefined || error !== 0) return { partitionIndex, errorCode: error };
  if (timestamp < 0 && call.version < (firstVersions.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
    return { partitionIndex, errorCode: errorNumbers.UNSUPPORTED_VERSION };
  }
  const end = call.body.isolationLevel === READ_COMMITTED ? partition.lastStableOffset : partition.log.endOffset;
  const found = search(call, partition, timestamp, end);
  if (typeof found === 'number') return { partitionIndex, errorCode: found };
  if (found === undefined) return { partitionIndex, errorCode: 0, offset: -1 };
  const { offset, leaderEpoch } = found;
  return {
    partitionIndex,
    errorCode: 0,
    offset,
    timestamp: found.timestamp,
    leaderEpoch: call.version < EPOCH_FROM ? undefined : leaderEpoch,
  };
}

/** As {@link find}, or the code of an error: the time is in records that are damaged. */
function search({ cluster }: Call<typeof ListOffsets>, partition: Partition, timestamp: number, end: number) {
  try {
    return find(partition, timestamp, end);
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    const batch = partition.log.batchAt(Number(error.context['offset']));
    if (batch !== undefined && batch.compression !== 'none') return errorNumbers.UNKNOWN_SERVER_ERROR;
    return cluster.options.emulate === '1.1' ? errorNumbers.CORRUPT_MESSAGE : errorNumbers.INVALID_RECORD;
  }
}

/**
 * Undefined when there is no such offset, which is no error.
 * @param end Where the log ends for who asks.
 */
function find({ log, leaderEpoch }: Partition, timestamp: number, end: number): TimedOffset | undefined {
  switch (timestamp) {
    case LATEST:
      return { offset: end, timestamp: -1, leaderEpoch };
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: log.startOffset, timestamp: -1, leaderEpoch: log.batchAt(log.startOffset)?.leaderEpoch ?? leaderEpoch };
    case LARGEST:
      return below(end, log.atLargestTime());
    case LATEST_TIERED:
      return undefined; // nothing is tiered
    default:
      return below(end, log.atTime(timestamp));
  }
}

const below = (end: number, found: TimedOffset | undefined): TimedOffset | undefined =>
  found === undefined || found.offset < end ? found : undefined;
