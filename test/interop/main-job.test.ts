import { test } from 'node:test';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { kafkaTest } from '../kafka/kafka.js';
import { mainJob } from './main-job.js';
import { embeddedSite, kafkaSite } from './site.js';
import { Workload } from './workload.js';

const title = 'keyed messages arrive whole, once and in order, wherever one looks';
const workload = (): Workload => new Workload({ count: 20_000, seed: 1 });

for (const version of ['4.1.2', '3.9.2', '4.3.1', '2.8.2', '1.1.1', '0.10.2.2'] as const) {
  kafkaTest(title, async (t, kafka) => mainJob(kafkaSite(kafka), workload(), { say: line => t.diagnostic(line) }), { version, kcat: true });
}

test(`${title} (embedded cluster)`, { timeout: 60_000 }, async t => {
  await using cluster = await EmbeddedCluster.start({ brokers: 3 });
  await mainJob(embeddedSite(cluster), workload(), { say: line => t.diagnostic(line) });
});
