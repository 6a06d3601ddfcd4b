import { test } from 'node:test';
import { requireKafka } from '../kafka/kafka.js';
import { onceUnderKills } from './once-under-kills.js';
import { withProxiedCluster } from './proxied.js';

test('an idempotent producer stores each record once and in order while nodes end, leaders move and connections are cut', {
  timeout: 180_000,
}, async t => {
  const reason = requireKafka({ kcat: true });
  if (reason) return t.skip(reason);
  const say = (line: string): void => t.diagnostic(line);
  const little = { seed: 11, count: 20_000, killCount: 1, stopCount: 0, moveCount: 4, cutCount: 12 };
  await withProxiedCluster({ nodes: 3 }, say, cluster => onceUnderKills(cluster, { ...little, say }));
});
