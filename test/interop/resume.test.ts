import { test } from 'node:test';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { kafkaTest } from '../kafka/kafka.js';
import { resume, seenByTool } from './resume.js';
import { embeddedSite, kafkaSite } from './site.js';
import { Workload } from './workload.js';

const title = 'a consumer that starts again goes on at exactly the committed offsets';
const workload = (): Workload => new Workload({ count: 10_000, seed: 2 });

kafkaTest(title, async (t, kafka) => resume(kafkaSite(kafka), workload(), { say: line => t.diagnostic(line), seen: seenByTool(kafka) }), {
  kcat: true,
});

for (const version of ['4.3.1', '3.9.2', '2.8.2', '1.1.1'] as const) {
  kafkaTest(title, async (t, kafka) => resume(kafkaSite(kafka), workload(), { say: line => t.diagnostic(line) }), { version, kcat: true });
}

test(`${title} (embedded cluster)`, { timeout: 60_000 }, async t => {
  await using cluster = await EmbeddedCluster.start({ brokers: 3 });
  await resume(embeddedSite(cluster), workload(), { say: line => t.diagnostic(line) });
});
