import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ForPartition } from '../../../src/cluster/scatter.js';
import type { Member } from '../../../src/group/assignors/assignor.js';
import { PROJECT_ROOT } from '../../kafka/project.js';

export type Assignment = ReadonlyMap<string, readonly ForPartition[]>;

/** One rebalance of a group, as test/golden/assignors/KafkaAssignors.java describes it. */
export interface Round {
  readonly partitionsOf: ReadonlyMap<string, number>;
  readonly members: readonly {
    readonly memberId: string;
    readonly topics: readonly string[];
    readonly groupInstanceId: string | undefined;
    /** The round whose assignment it still holds; -1: it is new. */
    readonly claims: number;
  }[];
  /** What Java's assignors make of it, by name. */
  readonly given: ReadonlyMap<string, Assignment>;
}

const names = ['range', 'roundrobin', 'sticky', 'cooperative-sticky'];

/** The groups of the golden file, each a list of rounds. */
export function goldenGroups(): Round[][] {
  const text = readFileSync(join(PROJECT_ROOT, 'test/golden/assignors/groups.txt'), 'utf8');
  return text
    .trim()
    .split('\n\n')
    .map(group => group.split('\n').map(roundOf));
}

function roundOf(line: string): Round {
  const [topics = '', members = '', ...assignments] = line.split('|');
  return {
    partitionsOf: new Map(words(topics).map(word => [topicOf(word[0]), Number.parseInt(word[1] ?? '', 36)])),
    members: words(members).map(word => {
      const [, memberId = '', wanted = '', claims = '', instance] = /^(\w)(\d*)(-|@\d+)(?:\/(\w))?$/.exec(word) ?? [];
      return {
        memberId,
        topics: [...wanted].map(topicOf),
        groupInstanceId: instance,
        claims: claims === '-' ? -1 : Number(claims.slice(1)),
      };
    }),
    given: new Map(
      names.map((name, i) => [name, new Map(words(assignments[i] ?? '').map(word => [word.slice(0, 1), placesOf(word.slice(1))]))]),
    ),
  };
}

const words = (text: string): string[] => text.split(' ').filter(word => word !== '');
const topicOf = (digit: string | undefined): string => `t${digit}`;
const placesOf = (text: string): ForPartition[] =>
  text
    .split(',')
    .flatMap(([digit, ...partitions]) =>
      partitions.map(character => ({ topic: topicOf(digit), partition: Number.parseInt(character, 36) })),
    );

export const placeName = ({ topic, partition }: ForPartition): string => `${topic}-${partition}`;

/** Who has each partition; a partition that is given twice is an error. */
export function holders(assignment: Assignment): Map<string, string> {
  const found = new Map<string, string>();
  for (const [memberId, places] of assignment) {
    for (const place of places) {
      const name = placeName(place);
      if (found.has(name)) throw new Error(`${name} is given to ${found.get(name)} and to ${memberId}`);
      found.set(name, memberId);
    }
  }
  return found;
}

/** Less is more even: no other measure that punishes unevenness can disagree on what is least. */
export const unevenness = (assignment: Assignment): number => [...assignment.values()].reduce((sum, { length }) => sum + length ** 2, 0);

/** How many partitions are with another than the one who had them. */
export const moved = (assignment: Assignment, before: ReadonlyMap<string, string>): number =>
  [...holders(assignment)].filter(([name, memberId]) => before.has(name) && before.get(name) !== memberId).length;

/** A member of a group that holds something. */
export const member = (memberId: string, topics: readonly string[], more: Partial<Member> = {}): Member => ({
  memberId,
  topics,
  ownedPartitions: [],
  generationId: -1,
  ...more,
});
