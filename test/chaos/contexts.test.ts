import { seenByTool } from '../interop/resume.js';
import { kafkaSite } from '../interop/site.js';
import { Workload } from '../interop/workload.js';
import { kafkaTest } from '../kafka/kafka.js';
import { contextKills } from './context-kills.js';

kafkaTest(
  'a program that is killed in its commit contexts leaves no message out, and each is in exactly one context that was committed',
  async (t, kafka) =>
    contextKills(kafkaSite(kafka), new Workload({ count: 10_000, seed: 5 }), seenByTool(kafka), {
      killCount: 3,
      say: line => t.diagnostic(line),
    }),
  { kcat: true },
);
