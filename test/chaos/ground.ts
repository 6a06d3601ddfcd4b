import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaClient } from '../../src/index.js';
import { byPartition, send } from '../interop/main-job.js';
import type { Found, Site } from '../interop/site.js';
import { seeded, type Workload } from '../interop/workload.js';

/** Where programs are killed at their work: a topic full of messages, and a folder for what they note, which goes with it. */
export interface Ground extends AsyncDisposable {
  readonly client: KafkaClient;
  readonly topic: string;
  /** The topic as somebody else reads it. */
  readonly log: readonly Found[];
  /** The end of each partition. */
  readonly ends: ReadonlyMap<number, number>;
  readonly directory: string;
  /** The next number of a row that begins with the workload's seed, from 0 to below 1. */
  readonly next: () => number;
}

export async function prepareGround(site: Site, workload: Workload, partitionCount: number): Promise<Ground> {
  const client = new KafkaClient({ brokers: site.bootstrap });
  try {
    const topic = await site.createTopic(partitionCount);
    await send(client, topic, workload);
    const log = await site.read(topic);
    const ends = new Map([...byPartition(log)].map(([partition, records]) => [partition, records.length]));
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-killed-'));
    const end = async (): Promise<void> => {
      rmSync(directory, { recursive: true });
      await client.close();
    };
    return { client, topic, log, ends, directory, next: seeded(workload.seed), [Symbol.asyncDispose]: end };
  } catch (error) {
    await client.close();
    throw error;
  }
}
