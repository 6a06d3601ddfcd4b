import { kafkaSite } from '../interop/site.js';
import { Workload } from '../interop/workload.js';
import { kafkaTest } from '../kafka/kafka.js';
import { workerKills } from './worker-kills.js';

kafkaTest(
  'a program that is killed at its work leaves no message out when it starts again',
  async (t, kafka) =>
    workerKills(kafkaSite(kafka), new Workload({ count: 10_000, seed: 3 }), { killCount: 3, say: line => t.diagnostic(line) }),
  { kcat: true },
);
