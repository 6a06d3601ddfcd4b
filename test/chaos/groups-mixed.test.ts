import { type KafkaVersion, kafkaTest } from '../kafka/kafka.js';
import { type GroupMixedOptions, groupMixed } from './group-mixed.js';

const courses: readonly (readonly [version: KafkaVersion, kind: Omit<GroupMixedOptions, 'seed'>])[] = [
  ['4.1.2', { protocol: 'classic', assignors: ['range'], others: ['kcat'], changeCount: 4 }],
  ['2.8.2', { protocol: 'classic', assignors: ['roundrobin'], others: ['kcat'], changeCount: 4 }],
  ['4.1.2', { protocol: 'classic', assignors: ['cooperative-sticky'], others: ['java', 'kcat'], changeCount: 1 }],
  ['4.1.2', { protocol: 'consumer', assignors: ['range'], others: ['java'], changeCount: 1 }],
];

for (const [version, kind] of courses) {
  const { protocol, assignors, others } = kind;
  kafkaTest(
    `our members share with those of ${others.join(' and ')} (${protocol === 'classic' ? assignors.join() : 'the new protocol'}): everything is read by its owner`,
    async (t, kafka) => {
      const { changes } = await groupMixed(kafka, { seed: 1, ...kind });
      for (const { what, ms, generationCount } of changes) t.diagnostic(`${what}: ${ms.toFixed(0)} ms, generations: ${generationCount}`);
    },
    { version, kcat: others.includes('kcat') },
  );
}
