import fc from 'fast-check';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { LONG_MS } from './group-model-member.js';

const protocols = {
  range: { assignors: ['range'] },
  'cooperative-sticky': { assignors: ['cooperative-sticky'] },
  'sticky or range': { assignors: ['sticky', 'range'] },
  consumer: { groupProtocol: 'consumer' },
} as const satisfies Record<string, KafkaConsumerOptions>;
const commits = { never: false, 'by count': { everyN: 4 }, often: { everyMs: 5, everyN: 10 }, rarely: { everyMs: 60_000 } } as const;

/** How the members of a group are made. */
export interface GroupVariant {
  readonly protocol: keyof typeof protocols;
  readonly commits: keyof typeof commits;
  readonly marking: 'loop' | 'explicit';
  readonly isStatic: boolean;
  readonly revokeDrainMs: number;
}

const oneOf = <T>(...all: readonly T[]) => fc.constantFrom(...all);
export const variants: fc.Arbitrary<GroupVariant> = fc.record(
  {
    protocol: oneOf<GroupVariant['protocol']>(
      'range',
      'cooperative-sticky',
      'cooperative-sticky',
      'sticky or range',
      'consumer',
      'consumer',
    ),
    commits: oneOf<GroupVariant['commits']>('never', 'never', 'never', 'by count', 'often', 'rarely'),
    marking: oneOf<GroupVariant['marking']>('loop', 'loop', 'explicit'),
    isStatic: oneOf(false, false, true),
    revokeDrainMs: oneOf(LONG_MS, LONG_MS, 15),
  },
  { noNullPrototype: true },
);

/** What the member in a slot is made with. */
export function optionsOf({ protocol, commits: when, marking, isStatic, revokeDrainMs }: GroupVariant, slot: number): KafkaConsumerOptions {
  const options = { ...protocols[protocol], autoCommit: commits[when], marking, revokeDrainMs, topics: ['orders', 'bills'] };
  return isStatic ? { ...options, groupInstanceId: `slot-${slot}` } : options;
}
