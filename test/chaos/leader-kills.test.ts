import { Workload } from '../interop/workload.js';
import { clusterTest } from '../kafka/kafka.js';
import { mainJobUnderKills } from './leader-kills.js';

clusterTest(
  'nothing acknowledged is lost or out of order when leaders are killed',
  async (t, kafka) => mainJobUnderKills(kafka, new Workload({ count: 20_000, seed: 1 }), { say: line => t.diagnostic(line) }),
  { nodes: 3, kcat: true },
);
