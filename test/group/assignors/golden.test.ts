import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Assignor, Member } from '../../../src/group/assignors/assignor.js';
import { cooperativeStickyAssignor, rangeAssignor, roundRobinAssignor, stickyAssignor } from '../../../src/group/assignors/index.js';
import { type Assignment, goldenGroups, holders, moved, placeName, type Round, unevenness } from './groups.js';

const groups = goldenGroups();

/** The members of a round as the leader sees them: with what Java's assignor gave them in the round whose assignment they claim. */
function membersOf(assignor: Assignor, group: readonly Round[], { members }: Round): Member[] {
  return members.map(({ memberId, topics, groupInstanceId, claims }) => {
    const had = group[claims]?.given.get(assignor.name)?.get(memberId) ?? [];
    return {
      ...{ memberId, topics, groupInstanceId },
      ownedPartitions: assignor.protocol === 'cooperative' ? had : [],
      generationId: claims,
      userData: assignor.userData?.(had, claims),
    };
  });
}

interface Compared {
  readonly where: string;
  readonly round: Round;
  readonly members: readonly Member[];
  readonly ours: Assignment;
  readonly javas: Assignment;
}

function* compared(assignor: Assignor): Generator<Compared> {
  for (const [index, group] of groups.entries()) {
    for (const [number, round] of group.entries()) {
      const members = membersOf(assignor, group, round);
      // In another order than Java was told of them: it must not matter.
      const ours = assignor.assign(members.toReversed(), round.partitionsOf);
      const javas = round.given.get(assignor.name);
      assert.ok(javas);
      yield { where: `${assignor.name}, group ${index + 1}, round ${number}`, round, members, ours, javas };
    }
  }
}

const sorted = (assignment: Assignment): Record<string, string> =>
  Object.fromEntries(
    [...assignment].sort(([a], [b]) => (a < b ? -1 : 1)).map(([memberId, places]) => [memberId, places.map(placeName).join(' ')]),
  );

const wantTheSame = ({ members }: Round): boolean => members.every(({ topics }) => topics.join() === members[0]?.topics.join());

test('there are some hundred rounds, of each kind many', () => {
  const rounds = groups.flat();
  assert.equal(groups.length, 240);
  assert.ok(rounds.filter(wantTheSame).length > 300);
  assert.ok(rounds.filter(round => !wantTheSame(round)).length > 200);
  assert.ok(rounds.filter(({ members }) => members.some(({ groupInstanceId }) => groupInstanceId !== undefined)).length > 200);
});

for (const assignor of [rangeAssignor, roundRobinAssignor]) {
  test(`${assignor.name} gives what Java's gives`, () => {
    for (const { where, ours, javas } of compared(assignor)) assert.deepEqual(sorted(ours), sorted(javas), where);
  });
}

test("sticky gives what Java's gives where all want the same", () => {
  for (const { where, round, ours, javas } of compared(stickyAssignor))
    if (wantTheSame(round)) assert.deepEqual(sorted(ours), sorted(javas), where);
});

const isWanted = (assignment: Assignment, { members }: Round): boolean =>
  members.every(({ memberId, topics }) => (assignment.get(memberId) ?? []).every(({ topic }) => topics.includes(topic)));

/** Who had each partition: of those who claim it the one of the newest generation, if it still wants it and no other of that generation does. */
function before(members: readonly Member[], claims: (member: Member) => Member['ownedPartitions']): Map<string, string> {
  const found = new Map<string, Member | undefined>();
  const newest = new Map<string, number>();
  for (const member of members) {
    for (const name of claims(member).map(placeName)) {
      const other = newest.get(name) ?? -2;
      if (member.generationId === other) found.set(name, undefined);
      if (member.generationId <= other) continue;
      found.set(name, member);
      newest.set(name, member.generationId);
    }
  }
  return new Map(
    [...found].flatMap(([name, owner]) => (owner?.topics.includes(name.slice(0, name.indexOf('-'))) ? [[name, owner.memberId]] : [])),
  );
}

test("sticky is at least as even as Java's elsewhere, and where equally even, moves at most as much", () => {
  let moreEven = 0;
  let movesLess = 0;
  let unwanted = 0;
  for (const [index, group] of groups.entries()) {
    for (const [number, round] of group.entries()) {
      const where = `group ${index + 1}, round ${number}`;
      const members = membersOf(stickyAssignor, group, round);
      const ours = stickyAssignor.assign(members, round.partitionsOf);
      const javas = round.given.get('sticky') ?? new Map();
      const had = before(members, ({ memberId, generationId }) => group[generationId]?.given.get('sticky')?.get(memberId) ?? []);
      // Java gives a partition back to one that had it before without looking whether it still wants the topic.
      if (!isWanted(javas, round)) {
        unwanted++;
        continue;
      }
      assert.ok(isWanted(ours, round), where);
      assert.deepEqual([...holders(ours).keys()].sort(), [...holders(javas).keys()].sort(), where);
      const [own, java] = [unevenness(ours), unevenness(javas)];
      assert.ok(own <= java, `${where}: ${own}, Java ${java}`);
      if (own < java) moreEven++;
      if (own < java) continue;
      const [ownMoves, javaMoves] = [moved(ours, had), moved(javas, had)];
      assert.ok(ownMoves <= javaMoves, `${where}: ${ownMoves} moves, Java ${javaMoves}`);
      if (ownMoves < javaMoves) movesLess++;
    }
  }
  assert.ok(moreEven > 0 && movesLess > 0, `more even ${moreEven} times, fewer moves ${movesLess} times`);
  assert.equal(unwanted, 1);
});

test("cooperative-sticky gives what Java's gives where all want the same, less what others hold by missing a rebalance", () => {
  let waitedFor = 0;
  for (const { where, round, members, ours, javas } of compared(cooperativeStickyAssignor)) {
    if (!wantTheSame(round)) continue;
    const claimants = (name: string): string[] =>
      members.filter(({ ownedPartitions }) => ownedPartitions.some(place => placeName(place) === name)).map(({ memberId }) => memberId);
    const expected = new Map(
      [...javas].map(([memberId, places]) => [
        memberId,
        places.filter(place => {
          const others = claimants(placeName(place));
          const free = others.length === 0 || others.includes(memberId);
          if (!free) waitedFor++;
          return free;
        }),
      ]),
    );
    assert.deepEqual(sorted(ours), sorted(expected), where);
  }
  assert.ok(waitedFor < 20, `${waitedFor} partitions`);
});
