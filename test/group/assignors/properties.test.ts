import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ForPartition } from '../../../src/cluster/scatter.js';
import type { Assignor, Member } from '../../../src/group/assignors/assignor.js';
import { assignors, cooperativeStickyAssignor, stickyAssignor } from '../../../src/group/assignors/index.js';
import { type Assignment, holders, member, moved, placeName, unevenness } from './groups.js';

const topics = ['t0', 't1', 't2', 't3', 't4'];
const partitionsOf = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...topics), fc.integer({ min: 0, max: 9 })), { selector: ([topic]) => topic, minLength: 1 })
  .map(entries => new Map(entries));
const wanted = fc.subarray(topics);
const group = fc.dictionary(fc.constantFrom(...'abcdefgh'), wanted, { minKeys: 1, noNullPrototype: true });

/** A group before and after a change; in half of them all members want the same. */
const changing = fc
  .record(
    { before: group, after: group, had: partitionsOf, has: partitionsOf, alike: fc.boolean(), all: wanted },
    { noNullPrototype: true },
  )
  .map(({ before, after, had, has, alike, all }) => {
    const wants = (from: Record<string, string[]>): [string, string[]][] =>
      Object.entries(from).map(([id, own]) => [id, alike ? all : own]);
    return { alike, all, had, has, before: wants(before), after: wants(after) };
  });

/** As the leader sees a member that was given something in a generation. */
function returning(
  assignor: Assignor,
  memberId: string,
  wants: readonly string[],
  held: readonly ForPartition[],
  generationId: number,
): Member {
  const ownedPartitions = assignor.protocol === 'cooperative' ? held : [];
  return member(memberId, wants, { ownedPartitions, generationId, userData: assignor.userData?.(held, generationId) });
}

const newcomers = (assignor: Assignor, wants: readonly [string, string[]][]): Member[] =>
  wants.map(([memberId, own]) => returning(assignor, memberId, own, [], -1));

const afterwards = (assignor: Assignor, wants: readonly [string, string[]][], given: Assignment, generationId: number): Member[] =>
  wants.map(([memberId, own]) => returning(assignor, memberId, own, given.get(memberId) ?? [], given.has(memberId) ? generationId : -1));

/** What a member holds that has been told: what it was given; all else it has given up. */
const settled = (assignor: Assignor, members: readonly Member[], counts: ReadonlyMap<string, number>, generationId: number): Assignment => {
  const first = assignor.assign(members, counts);
  const again = members.map(({ memberId, topics: own }) => returning(assignor, memberId, own, first.get(memberId) ?? [], generationId));
  return assignor.protocol === 'eager' ? first : assignor.assign(again, counts);
};

const places = (members: readonly Member[], counts: ReadonlyMap<string, number>): string[] =>
  [...counts]
    .filter(([topic]) => members.some(({ topics: own }) => own.includes(topic)))
    .flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => placeName({ topic, partition })))
    .sort();

function assertIsWanted(assignment: Assignment, members: readonly Member[]): void {
  assert.deepEqual([...assignment.keys()].sort(), members.map(({ memberId }) => memberId).sort());
  for (const { memberId, topics: own } of members) for (const { topic } of assignment.get(memberId) ?? []) assert.ok(own.includes(topic));
}

const spread = (assignment: Assignment): number => {
  const loads = [...assignment.values()].map(({ length }) => length);
  return Math.max(...loads) - Math.min(...loads);
};

for (const assignor of assignors.values()) {
  test(`${assignor.name}: each partition that somebody wants is given to one who wants it`, () => {
    fc.assert(
      fc.property(changing, ({ had, has, before, after }) => {
        const fresh = newcomers(assignor, before);
        const first = assignor.assign(fresh, had);
        assertIsWanted(first, fresh);
        assert.deepEqual([...holders(first).keys()].sort(), places(fresh, had));
        const members = afterwards(assignor, after, first, 1);
        const second = settled(assignor, members, has, 2);
        assertIsWanted(second, members);
        assert.deepEqual([...holders(second).keys()].sort(), places(members, has));
      }),
      { numRuns: 500 },
    );
  });

  test(`${assignor.name}: the order in which members and topics are told does not matter, and nothing is changed`, () => {
    fc.assert(
      fc.property(changing, ({ had, has, before, after }) => {
        const members = afterwards(assignor, after, assignor.assign(newcomers(assignor, before), had), 1);
        const copy = JSON.stringify(members);
        const one = assignor.assign(members, has);
        assert.equal(JSON.stringify(members), copy);
        const turned = members.toReversed().map(each => ({ ...each, topics: each.topics.toReversed() }));
        const other = assignor.assign(turned, new Map([...has].reverse()));
        assert.deepEqual(new Map([...one].sort()), new Map([...other].sort()));
      }),
    );
  });

  if (assignor.name === 'range') continue; // even per topic, not altogether

  test(`${assignor.name}: where all want the same, loads differ by one at most`, () => {
    fc.assert(
      fc.property(changing, ({ alike, had, has, before, after }) => {
        fc.pre(alike);
        const first = assignor.assign(newcomers(assignor, before), had);
        assert.ok(spread(first) <= 1);
        assert.ok(spread(settled(assignor, afterwards(assignor, after, first, 1), has, 2)) <= 1);
      }),
      { numRuns: 300 },
    );
  });
}

for (const assignor of [stickyAssignor, cooperativeStickyAssignor]) {
  test(`${assignor.name}: when nothing changes, nothing moves`, () => {
    fc.assert(
      fc.property(changing, ({ had, has, before, after }) => {
        const first = settled(assignor, newcomers(assignor, before), had, 1);
        assert.deepEqual(assignor.assign(afterwards(assignor, before, first, 1), had), first);
        const second = settled(assignor, afterwards(assignor, after, first, 1), has, 3);
        assert.deepEqual(assignor.assign(afterwards(assignor, after, second, 3), has), second);
      }),
      { numRuns: 300 },
    );
  });

  test(`${assignor.name}: one member less, and those that stay keep all they had; one more, and nothing moves but to it`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 40 }), (size, count) => {
        const counts = new Map([['t0', count]]);
        const wants = Array.from({ length: size }, (_, i): [string, string[]] => [`m${i}`, ['t0']]);
        const all = settled(assignor, newcomers(assignor, wants), counts, 1);
        const fewer = settled(assignor, afterwards(assignor, wants.slice(1), all, 1), counts, 2);
        assert.equal(moved(fewer, holders(new Map([...all].slice(1)))), 0);
        const more = settled(assignor, afterwards(assignor, wants, fewer, 2), counts, 3);
        const [had, has] = [holders(fewer), holders(more)];
        for (const [name, memberId] of has) assert.ok(memberId === 'm0' || memberId === had.get(name), `${name} went to ${memberId}`);
      }),
    );
  });
}

/** Every way of giving each partition to one who wants it. */
function* allAssignments(members: readonly Member[], open: readonly ForPartition[]): Generator<Map<string, ForPartition[]>> {
  const [place, ...rest] = open;
  if (place === undefined) return yield new Map(members.map(({ memberId }) => [memberId, []]));
  for (const assignment of allAssignments(members, rest)) {
    for (const { memberId, topics: own } of members)
      if (own.includes(place.topic)) yield new Map(assignment).set(memberId, [...(assignment.get(memberId) ?? []), place]);
  }
}

test('sticky: of all assignments none is more even, and of those as even none moves less', () => {
  const small = fc.record(
    {
      wants: fc.dictionary(fc.constantFrom(...'abcd'), fc.subarray(['t0', 't1', 't2']), { minKeys: 2, noNullPrototype: true }),
      counts: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)),
      had: fc.array(fc.constantFrom(...'abcd'), { minLength: 6, maxLength: 6 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(small, ({ wants, counts, had }) => {
      const has = new Map(counts.map((count, i) => [`t${i}`, count]));
      const open = [...has].flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic, partition })));
      const owner = new Map(open.map((place, i) => [placeName(place), had[i] ?? 'a']));
      const members = Object.entries(wants).map(([memberId, own]) =>
        returning(
          stickyAssignor,
          memberId,
          own,
          open.filter(place => owner.get(placeName(place)) === memberId),
          1,
        ),
      );
      // One who had a partition and is gone, or does not want it any more, cannot keep it.
      const kept = new Map([...owner].filter(([name, memberId]) => wants[memberId]?.includes(name.slice(0, 2))));
      const everyones = open.filter(({ topic }) => members.some(({ topics: own }) => own.includes(topic)));
      let best = [Number.POSITIVE_INFINITY, 0];
      for (const assignment of allAssignments(members, everyones)) {
        const [most = 0, moves = 0] = best;
        const found = [unevenness(assignment), moved(assignment, kept)];
        if ((found[0] ?? 0) < most || (found[0] === most && (found[1] ?? 0) < moves)) best = found;
      }
      const ours = stickyAssignor.assign(members, has);
      assert.deepEqual([unevenness(ours), moved(ours, kept)], best);
    }),
    { numRuns: 300 },
  );
});

test('sticky: a chain of moves makes even what no single move can', () => {
  const counts = new Map([
    ['t0', 3],
    ['t1', 2],
  ]);
  const all = (topic: string, count: number): ForPartition[] => Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  const members = [
    returning(stickyAssignor, 'a', ['t0'], all('t0', 3), 1),
    returning(stickyAssignor, 'b', ['t0', 't1'], all('t1', 2), 1),
    member('c', ['t1']),
  ];
  counts.set('t0', 4);
  const loads = [...stickyAssignor.assign(members, counts).values()].map(({ length }) => length);
  assert.deepEqual(loads, [2, 2, 2]);
});

test('sticky: one more that can be given nothing changes neither evenness nor moves', () => {
  // With it not all want the same, and the group is divided by the general method instead of the simple one.
  fc.assert(
    fc.property(changing, ({ alike, all, had, has, before, after }) => {
      fc.pre(alike && all.some(topic => (has.get(topic) ?? 0) > 0));
      const first = stickyAssignor.assign(newcomers(stickyAssignor, before), had);
      const members = afterwards(stickyAssignor, after, first, 1);
      const simple = stickyAssignor.assign(members, has);
      const general = stickyAssignor.assign([...members, member('idle', ['gone'])], has);
      assert.deepEqual(general.get('idle'), []);
      assert.equal(unevenness(general), unevenness(simple));
      const stayed = holders(new Map([...first].filter(([memberId]) => simple.has(memberId))));
      const kept = new Map([...stayed].filter(([name]) => all.includes(name.slice(0, 2))));
      assert.equal(moved(general, kept), moved(simple, kept));
    }),
    { numRuns: 300 },
  );
});

test('sticky: in a group of 500 that want different things of 10,000 partitions, newcomers get their part and nothing else moves', () => {
  const counts = new Map(Array.from({ length: 50 }, (_, i) => [`t${i}`, 200]));
  const wants = Array.from({ length: 500 }, (_, i): [string, string[]] => [
    `m${i}`,
    [...counts.keys()].filter((_topic, k) => (i * 7 + k * 3) % 5 > 0),
  ]);
  const half = stickyAssignor.assign(newcomers(stickyAssignor, wants.slice(250)), counts);
  const all = stickyAssignor.assign(afterwards(stickyAssignor, wants, half, 1), counts);
  assert.deepEqual(
    [...all.values()].map(({ length }) => length),
    new Array(500).fill(20),
  );
  const had = holders(half);
  for (const [name, memberId] of holders(all)) assert.ok(memberId === had.get(name) || Number(memberId.slice(1)) < 250, name);
  assert.deepEqual(stickyAssignor.assign(afterwards(stickyAssignor, wants, all, 2), counts), all);
});

test('cooperative-sticky: a partition that changes hands is given to nobody until it is given up, and then as an eager group would give it', () => {
  let handedOver = 0;
  fc.assert(
    fc.property(changing, ({ had, has, before, after }) => {
      const held = settled(cooperativeStickyAssignor, newcomers(cooperativeStickyAssignor, before), had, 1);
      const members = afterwards(cooperativeStickyAssignor, after, held, 1);
      const first = cooperativeStickyAssignor.assign(members, has);
      const owners = holders(new Map(members.map(({ memberId, ownedPartitions }) => [memberId, ownedPartitions])));
      assert.equal(moved(first, owners), 0, 'in two hands at once');
      const second = settled(cooperativeStickyAssignor, members, has, 2);
      for (const [memberId, kept] of first)
        for (const name of kept.map(placeName)) assert.equal(holders(second).get(name), memberId, 'what was given stays');
      handedOver += moved(second, owners);
      const eager = stickyAssignor.assign(afterwards(stickyAssignor, after, held, 1), has);
      assert.equal(unevenness(second), unevenness(eager));
      assert.equal(moved(second, owners), moved(eager, owners));
    }),
    { numRuns: 500 },
  );
  assert.ok(handedOver > 100, `only ${handedOver} partitions changed hands`);
});

test('sticky: of two that claim a partition the one of the newer generation keeps it; of one generation, neither is believed', () => {
  const counts = new Map([['t0', 2]]);
  const [zero, one] = [0, 1].map(partition => [{ topic: 't0', partition }]);
  assert.ok(zero && one);
  const given = (place: ForPartition[], a: number, b: number) =>
    stickyAssignor
      .assign([returning(stickyAssignor, 'a', ['t0'], place, a), returning(stickyAssignor, 'b', ['t0'], place, b)], counts)
      .get('a');
  assert.deepEqual(given(one, 5, 4), one);
  assert.deepEqual(given(one, 4, 5), zero);
  assert.deepEqual([given(one, 5, 5), given(zero, 5, 5)], [zero, zero], 'as if nobody had it');
});

test('cooperative-sticky: what a member still holds from an older generation is waited for', () => {
  const counts = new Map([['t0', 2]]);
  const both = [0, 1].map(partition => ({ topic: 't0', partition }));
  const late = member('late', ['t0'], { ownedPartitions: both, generationId: 3 });
  const current = member('now', ['t0'], { ownedPartitions: both.slice(1), generationId: 4 });
  const given = cooperativeStickyAssignor.assign([late, current, member('new', ['t0'])], counts);
  assert.deepEqual([...given].sort(), [
    ['late', both.slice(0, 1)],
    ['new', []],
    ['now', both.slice(1)],
  ]);
  const without = cooperativeStickyAssignor.assign([{ ...late, topics: [] }, current], counts);
  assert.deepEqual([...without].sort(), [
    ['late', []],
    ['now', both.slice(1)],
  ]);
});

test('sticky: user data from before it had a generation is read, and is older than any that has one', () => {
  const counts = new Map([['t0', 2]]);
  const one = [{ topic: 't0', partition: 1 }];
  const userData = stickyAssignor.userData?.(one, 0)?.slice(0, -4);
  const [a, b] = ['a', 'b'].map(memberId => member(memberId, ['t0'], { userData }));
  assert.ok(a && b);
  assert.deepEqual(stickyAssignor.assign([a, member('b', ['t0'])], counts).get('a'), one);
  assert.deepEqual(stickyAssignor.assign([a, returning(stickyAssignor, 'b', ['t0'], one, 0)], counts).get('b'), one);
});

test('cooperative-sticky: before subscriptions had a generation, it is read from the user data', () => {
  const counts = new Map([['t0', 2]]);
  const ownedPartitions = [{ topic: 't0', partition: 1 }];
  const old = (memberId: string, generationId: number) => {
    const written = cooperativeStickyAssignor.userData?.([], generationId) ?? Buffer.alloc(0);
    // As it comes: in the middle of an answer.
    const userData = Buffer.concat([Buffer.of(1, 2, 3), written, Buffer.of(4)]).subarray(3, 7);
    return member(memberId, ['t0'], { ownedPartitions, userData });
  };
  assert.deepEqual(cooperativeStickyAssignor.assign([old('a', 7), old('b', 6)], counts).get('a'), ownedPartitions);
  assert.deepEqual(cooperativeStickyAssignor.assign([old('a', 6), old('b', 7)], counts).get('b'), ownedPartitions);
});

test('what a member claims of partitions that do not exist counts for nothing', () => {
  const claims = [-1, 0, 2, 2 ** 31 - 1].map(partition => ({ topic: 't0', partition }));
  for (const assignor of [stickyAssignor, cooperativeStickyAssignor]) {
    const members = [returning(assignor, 'a', ['t0', 'gone'], [...claims, { topic: 'gone', partition: 0 }], 1), member('b', ['t0'])];
    const given = assignor.assign(members, new Map([['t0', 2]]));
    assert.deepEqual(given.get('a'), [{ topic: 't0', partition: 0 }], assignor.name);
    assert.deepEqual(given.get('b'), [{ topic: 't0', partition: 1 }], assignor.name);
  }
});

test('static members stand first and by their names, so that a restart moves nothing', () => {
  for (const name of ['range', 'roundrobin']) {
    const assignor = assignors.get(name);
    const give = (ids: readonly [string, string]) =>
      assignor?.assign(
        [member('b', ['t0']), ...ids.map((id, i) => member(id, ['t0'], { groupInstanceId: `name-${1 - i}` }))],
        new Map([['t0', 3]]),
      );
    assert.deepEqual(
      [...(give(['x', 'y']) ?? [])].map(([id, [place]]) => [id, place?.partition]),
      [
        ['b', 2],
        ['x', 1],
        ['y', 0],
      ],
    );
    assert.deepEqual(
      [...(give(['z', 'a']) ?? [])].map(([, [place]]) => place?.partition),
      [2, 1, 0],
      name,
    );
  }
});
