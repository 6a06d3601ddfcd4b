import { setImmediate as turn } from 'node:timers/promises';
import { KafkaClient } from '../../src/client/client.js';
import type { EmbeddedCluster, SeenRequest } from '../../src/embedded/index.js';
import { Produce } from '../../src/protocol/index.js';
import { readBatches } from '../../src/records/index.js';

/** A batch that was sent to a broker. */
export interface SentBatch {
  readonly partition: number;
  readonly producerId: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly values: readonly string[];
}

export function batchesIn({ body }: SeenRequest<typeof Produce>): readonly SentBatch[] {
  return body.topicData.flatMap(({ partitionData }) =>
    partitionData.flatMap(({ index, records }) =>
      [...readBatches(records, { topic: 'orders', partition: index })].map(batch => ({
        partition: index,
        producerId: batch.producerId,
        epoch: batch.producerEpoch,
        sequence: batch.baseSequence,
        values: Array.from(batch, ({ value }) => String(value)),
      })),
    ),
  );
}

/** Every batch that was sent, in the order in which they arrived. */
export const sentBatches = (cluster: EmbeddedCluster): readonly SentBatch[] => cluster.requests(Produce).flatMap(batchesIn);

/** The values that a partition of "orders" holds. */
export const valuesOf = (cluster: EmbeddedCluster, partition = 0): readonly string[] =>
  cluster.records('orders', partition).map(({ value }) => String(value));

/** Resolves when so many Produce requests have arrived, in all. */
export async function produced(cluster: EmbeddedCluster, count: number): Promise<void> {
  while (cluster.requests(Produce).length < count) await cluster.nextRequest(Produce);
}

/** Gives what is due the time to be sent: somebody else asks the cluster something meanwhile. */
export async function quiet(cluster: EmbeddedCluster): Promise<void> {
  const other = new KafkaClient({ brokers: cluster.brokers });
  for (let i = 0; i < 3; i++) {
    await other.metadata();
    await turn();
  }
  await other.close();
}
