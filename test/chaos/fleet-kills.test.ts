import { kafkaSite } from '../interop/site.js';
import { Workload } from '../interop/workload.js';
import { kafkaTest } from '../kafka/kafka.js';
import { fleetKills } from './fleet-kills.js';

kafkaTest(
  'handlers in threads that end of what they have in hand, in a program that is killed, beside a member that comes and goes: nothing is left out',
  async (t, kafka) => {
    const options = { partitionCount: 6, deathCount: 6, killCount: 1, visited: true, say: (line: string) => t.diagnostic(line) };
    await fleetKills(kafkaSite(kafka), new Workload({ count: 6000, seed: 5 }), options);
  },
  { kcat: true },
);
