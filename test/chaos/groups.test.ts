import { Workload } from '../interop/workload.js';
import { kafkaTest } from '../kafka/kafka.js';
import { groupChain } from './group-chain.js';

const kinds = [
  { protocol: 'classic', assignor: 'range' },
  { protocol: 'classic', assignor: 'cooperative-sticky' },
  { protocol: 'consumer' },
] as const;

for (const [i, kind] of kinds.entries()) {
  kafkaTest(
    `members that join, leave, are killed and stand still leave nothing out, and commit nothing that is not done: ${Object.values(kind).join(' ')}`,
    async (t, kafka) =>
      groupChain(kafka, new Workload({ count: 6000, seed: 5 + i, keyCount: 100 }), {
        ...{ ...kind, partitionCount: 6, eventCount: 5, sessionTimeoutMs: 3000, perMs: 2, aheadCount: 1500 },
        say: line => t.diagnostic(line),
      }),
  );
}
