import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaClient, KeyedProducer } from '../../src/index.js';
import { type KafkaHandle, uniqueName } from '../kafka/handle.js';
import { Troupe } from './group-troupe.js';
import { configureGroup, type GroupProtocol } from './group-view.js';

/** A topic and a group for members in processes of their own. */
export interface GroupGround extends AsyncDisposable {
  readonly client: KafkaClient;
  readonly topic: string;
  readonly groupId: string;
  readonly troupe: Troupe;
  readonly directory: string;
  /** The end of each partition. */
  readonly ends: ReadonlyMap<number, number>;
  /** Writes so many messages to each partition. */
  fill(perPartition: number): Promise<void>;
  /** Waits until all that was written is done. */
  untilDone(): Promise<void>;
}

/** @param sessionTimeoutMs Of a group of the new protocol; members of the other one say it themselves. */
export async function groupGround(
  kafka: KafkaHandle,
  protocol: GroupProtocol,
  partitionCount: number,
  sessionTimeoutMs: number,
): Promise<GroupGround> {
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic({ partitions: partitionCount });
  const groupId = uniqueName('group');
  if (protocol === 'consumer') await configureGroup(client, groupId, { 'consumer.session.timeout.ms': sessionTimeoutMs });
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-group-'));
  const troupe = new Troupe({ client, bootstrap: kafka.bootstrap, topic, groupId, protocol, directory });
  const ends = new Map(Array.from({ length: partitionCount }, (_, partition) => [partition, 0]));
  const producer = new KeyedProducer(client, { partitioner: ({ key }) => Number(key) });
  return {
    ...{ client, topic, groupId, troupe, directory, ends },
    async fill(perPartition) {
      const values = Array.from({ length: perPartition }, (_, i) => `${i}`);
      await producer.sendMany([...ends.keys()].flatMap(partition => values.map(value => ({ topic, key: `${partition}`, value }))));
      for (const [partition, end] of ends) ends.set(partition, end + perPartition);
    },
    untilDone: () =>
      troupe.until('all done', () => {
        const reached = troupe.reached();
        return [...ends].every(([partition, end]) => reached.get(partition) === end);
      }),
    async [Symbol.asyncDispose]() {
      await troupe[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
      await client.close();
    },
  };
}
