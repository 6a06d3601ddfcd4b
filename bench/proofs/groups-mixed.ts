import assert from 'node:assert/strict';
import { type GroupMixedOptions, groupMixed } from '../../test/chaos/group-mixed.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { KafkaVersion } from '../../test/kafka/versions.js';
import type { ProofContext } from '../prove.js';

export const about =
  "groups of our members with Java's and kcat's, by each assignor and by the new protocol: after each change everything is with one of them, soon";

/**
 * Where we lead. Another leader may join again before all have heard what to give up, and Java's of before 3.0 does not know what a kcat holds,
 * which does not say since when: both take more.
 */
const MOST_GENERATIONS = 2;
const LONGEST_MS = 5000;

const classic: readonly Pick<GroupMixedOptions, 'protocol' | 'assignors' | 'others'>[] = [
  { protocol: 'classic', assignors: ['range'], others: ['java', 'kcat'] },
  { protocol: 'classic', assignors: ['roundrobin'], others: ['java', 'kcat'] },
  { protocol: 'classic', assignors: ['sticky'], others: ['java'] },
  { protocol: 'classic', assignors: ['cooperative-sticky'], others: ['java', 'kcat'] },
  { protocol: 'classic', assignors: ['roundrobin', 'range'], others: ['java', 'kcat'] },
];
const consumer = [{ protocol: 'consumer', assignors: ['range'], others: ['java'] }] as const;

const courses: readonly (readonly [version: KafkaVersion, kinds: typeof classic])[] = [
  ['4.1.2', [...classic, ...consumer]],
  ['4.3.1', consumer],
  ['3.9.2', classic],
  ['2.8.2', classic],
];

export async function prove({ seed, say }: ProofContext): Promise<void> {
  for (const [version, kinds] of courses) {
    await using kafka = await KafkaCluster.start({ version });
    for (const [i, kind] of kinds.entries()) {
      const { changes, repeatCount } = await groupMixed(kafka, { seed: seed + i, changeCount: 8, ...kind });
      const slowest = changes.reduce((a, b) => (b.ms > a.ms ? b : a));
      const isClassic = kind.protocol === 'classic';
      const most = (isOurs: boolean): number =>
        Math.max(0, ...changes.map(({ isLedByUs, generationCount = 0 }) => (isLedByUs === isOurs ? generationCount : 0)));
      const told = isClassic ? `, at most ${most(true)} generations each where we lead, ${most(false)} where another does` : '';
      const how = isClassic ? kind.assignors.join() : 'the new protocol';
      say(
        `Kafka ${version}, ${how}, beside ${kind.others.join(' and ')}: ${changes.length} changes, at rest after ${slowest.ms.toFixed(0)} ms at most (${slowest.what})${told}; ${repeatCount} messages again after a kcat`,
      );
      assert.ok(slowest.ms <= LONGEST_MS, `${slowest.what}: ${slowest.ms.toFixed(0)} ms`);
      for (const { what, isLedByUs, generationCount = 0 } of isClassic ? changes : [])
        assert.ok(!isLedByUs || generationCount <= MOST_GENERATIONS, `${what}: ${generationCount} generations`);
    }
  }
}
