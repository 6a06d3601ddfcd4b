import { Workload } from '../interop/workload.js';
import { kafkaTest } from '../kafka/kafka.js';
import { exactlyOnce } from './exactly-once.js';

kafkaTest(
  'a program that works in transactions writes each record once, killed in each phase of them, frozen and fenced',
  async (t, kafka) => {
    const little = { killCount: 3, zombieCount: 2, brokerKillCount: 0 };
    await exactlyOnce(kafka, new Workload({ count: 6_000, seed: 2 }), { ...little, say: line => t.diagnostic(line) });
  },
  { kcat: true },
);
