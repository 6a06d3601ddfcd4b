import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Assignment, each, gathered, has, NO_PARTITIONS } from '../../src/embedded/groups/assignment.js';
import { assignors, type Reader } from '../../src/embedded/groups/assignors.js';
import { chosen, common } from '../../src/embedded/groups/protocol-choice.js';
import { type Holding, reconcile } from '../../src/embedded/groups/reconcile.js';

/** The same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const reader = (id: string, topics: readonly string[], before = NO_PARTITIONS, instanceId: string | null = null): Reader => ({
  id,
  instanceId,
  topicIds: new Set(topics),
  before,
});

const listed = (assignment: Assignment | undefined): string[] =>
  Array.from(each(assignment ?? NO_PARTITIONS), ([topic, partition]) => `${topic}${partition}`).sort();

const share = (name: string, readers: readonly Reader[], counts: Readonly<Record<string, number>>) => {
  const assigned = assignors.get(name)?.(readers, new Map(Object.entries(counts)));
  return Object.fromEntries(readers.map(({ id }) => [id, listed(assigned?.get(id))]));
};

test('range gives runs, the first readers one more, static members first', () => {
  const readers = [reader('b', ['x', 'y']), reader('a', ['x']), reader('c', ['x', 'y'], NO_PARTITIONS, 'static')];
  assert.deepEqual(share('range', readers, { x: 5, y: 3 }), { c: ['x0', 'x1', 'y0', 'y1'], a: ['x2', 'x3'], b: ['x4', 'y2'] });
});

test('uniform takes no more from a member than has to go', () => {
  const before = gathered([0, 1, 2, 3, 4].map(partition => ['x', partition] as const));
  assert.deepEqual(share('uniform', [reader('a', ['x'], before), reader('b', ['x'])], { x: 5 }), {
    a: ['x0', 'x1', 'x2'],
    b: ['x3', 'x4'],
  });
});

test('uniform gives nobody what is not wanted any more', () => {
  const before = gathered([['gone', 0] as const, ...[0, 1, 2].map(partition => ['x', partition] as const)]);
  assert.deepEqual(share('uniform', [reader('a', ['x'], before), reader('b', ['x'])], { x: 3 }), { a: ['x0', 'x1'], b: ['x2'] });
});

test('whatever members want: each partition to one that wants it, and evenly as far as that goes', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const below = numbers(seed);
    const counts = new Map(Array.from({ length: 1 + below(4) }, (_, i) => [`t${i}-`, 1 + below(6)]));
    const isAlike = below(2) === 0;
    let assigned: ReadonlyMap<string, Assignment> = new Map();
    for (let round = 0; round < 3; round++) {
      const readers = Array.from({ length: 1 + below(5) }, (_, i) => {
        const topics = [...counts.keys()].filter(() => isAlike || below(2) === 0);
        return reader(`m${i}`, topics, assigned.get(`m${i}`));
      });
      const wanted = [...counts].filter(([topic]) => readers.some(({ topicIds }) => topicIds.has(topic)));
      const all = wanted.flatMap(([topic, count]) => Array.from({ length: count }, (_, i) => `${topic}${i}`)).sort();
      for (const [name, assignor] of assignors) {
        const shares = assignor(readers, new Map(wanted));
        const where = `${name}, seed ${seed}, round ${round}`;
        assert.deepEqual([...shares.values()].flatMap(listed).sort(), all, where);
        for (const { id, topicIds } of readers)
          for (const [topic] of each(shares.get(id) ?? NO_PARTITIONS)) assert.ok(topicIds.has(topic), where);
        if (name !== 'uniform') continue;
        const sizes = readers.map(({ id }) => listed(shares.get(id)).length);
        if (isAlike) assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, where);
        for (const [i, { id }] of readers.entries()) {
          for (const [topic] of each(shares.get(id) ?? NO_PARTITIONS)) {
            const others = sizes.filter((_, j) => readers[j]?.topicIds.has(topic));
            assert.ok((sizes[i] ?? 0) - Math.min(...others) <= 1, `${where}: nobody could have one of what another has two more of`);
          }
        }
        assigned = shares;
      }
    }
  }
});

test('members that give up and wait end with what they are to have, and nobody ever has what another has', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const below = numbers(seed);
    const ids = ['a', 'b', 'c'];
    const fresh: Holding = { epoch: 0, previousEpoch: 0, progress: 'stable', assigned: NO_PARTITIONS, revoking: NO_PARTITIONS };
    const members = new Map(ids.map((id): [string, Holding] => [id, fresh]));
    /** What each really has in hand: it takes what it is told at once, and gives up when it likes. */
    const hands = new Map(ids.map((id): [string, Assignment] => [id, NO_PARTITIONS]));
    let epoch = 0;
    let target: ReadonlyMap<string, Assignment> = new Map();
    const retarget = () => {
      const owners = Array.from({ length: 6 }, (_, partition) => [ids[below(3)] ?? 'a', partition] as const);
      target = new Map(
        ids.map(id => [id, gathered(owners.filter(([owner]) => owner === id).map(([, partition]) => ['t', partition] as const))]),
      );
      epoch++;
    };
    const isHeld = (topic: string, partition: number) =>
      [...members.values()].some(({ assigned, revoking }) => has(assigned, topic, partition) || has(revoking, topic, partition));
    const beat = (id: string) => {
      const before = members.get(id) ?? fresh;
      const owned = below(3) === 0 ? undefined : hands.get(id);
      const after = reconcile(before, { epoch, assignment: target.get(id) ?? NO_PARTITIONS }, owned, isHeld);
      members.set(id, after);
      if (after.progress !== 'revoking') hands.set(id, after.assigned);
      else if (below(2) === 0) hands.set(id, after.assigned); // gives up
      const inHand = [...hands.values()].flatMap(listed);
      assert.equal(new Set(inHand).size, inHand.length, `seed ${seed}: ${inHand}`);
    };
    for (let step = 0; step < 30; step++) {
      if (step % 6 === 0) retarget();
      beat(ids[below(3)] ?? 'a');
    }
    for (let step = 0; step < 60; step++) beat(ids[step % 3] ?? 'a');
    for (const id of ids) {
      const { progress, assigned, epoch: own } = members.get(id) ?? fresh;
      assert.deepEqual([progress, own, listed(assigned)], ['stable', epoch, listed(target.get(id))], `seed ${seed}`);
    }
  }
});

const known = (...names: string[]) => names.map(name => ({ name, metadata: Buffer.alloc(0) }));

test('members choose the protocol that most like best of those that all know', () => {
  assert.deepEqual([...common([known('x', 'y', 'z'), known('z', 'y')])], ['y', 'z']);
  assert.equal(chosen([known('x', 'y', 'z'), known('z', 'y'), known('z', 'y', 'w')]), 'z');
  assert.equal(chosen([known('x', 'y'), known('y', 'x'), known('y', 'x')]), 'y');
  assert.equal(chosen([known('x', 'y'), known('y', 'x')]), 'x', 'where votes are equal, the first one');
  assert.equal(chosen([known('x'), known('y')]), '');
  assert.equal(chosen([]), '');
});
