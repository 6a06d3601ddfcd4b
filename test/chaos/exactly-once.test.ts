import { test } from 'node:test';
import { Workload } from '../interop/workload.js';
import { requireKafka } from '../kafka/kafka.js';
import { exactlyOnce } from './exactly-once.js';
import { withProxiedCluster } from './proxied.js';

test('a program that works in transactions writes each record once, killed in each phase of them, frozen and fenced', {
  timeout: 180_000,
}, async t => {
  const reason = requireKafka({ kcat: true });
  if (reason) return t.skip(reason);
  const say = (line: string): void => t.diagnostic(line);
  const little = { killCount: 4, zombieCount: 2, outageCount: 0 };
  await withProxiedCluster({ nodes: 1 }, say, cluster =>
    exactlyOnce(cluster.kafka, new Workload({ count: 4_000, seed: 2 }), { ...little, behind: cluster, say }),
  );
});
