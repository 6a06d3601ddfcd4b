import { EmbeddedCluster } from '../src/embedded/index.js';
import { Produce } from '../src/protocol/index.js';

/*
 * The broker of bench/produce.ts, in a process of its own so that its CPU is not counted. Prints its address; ends with its parent.
 * It answers every batch with offsets, and neither looks into it nor keeps it: the client is what limits the rate.
 */
const COUNT_AT = 57; // in the header of a batch

const cluster = await EmbeddedCluster.start({ topics: { bench: 6 }, rememberRequests: 0 });
const ends = new Map<number, number>();

function append(partition: number, batch: Buffer | null): number {
  const baseOffset = ends.get(partition) ?? 0;
  ends.set(partition, baseOffset + (batch?.readInt32BE(COUNT_AT) ?? 0));
  return baseOffset;
}

cluster.on(Produce).answer(
  ({ body }) => ({
    responses: body.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index, records }) => ({ index, errorCode: 0, baseOffset: append(index, records) })),
    })),
  }),
  Number.POSITIVE_INFINITY,
);
process.send?.(cluster.brokers);
process.once('disconnect', () => void cluster.close());
