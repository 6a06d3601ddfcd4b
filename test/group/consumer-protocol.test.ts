import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { KafkaError, ProtocolError } from '../../src/base/errors.js';
import { cooperativeStickyAssignor, stickyAssignor } from '../../src/group/assignors/index.js';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type MemberSubscription,
} from '../../src/group/consumer-protocol.js';
import type { Shape } from '../../src/protocol/index.js';
import { PROJECT_ROOT } from '../kafka/project.js';
import { differences } from '../protocol/contract.js';
import { clientsJar, includes, readJar, readMessage, releases } from '../protocol/jar.js';
import { mutations } from '../protocol/mutations.js';

/** What test/golden/assignors/KafkaAssignors.java writes, by name and version. */
const golden = new Map(
  readFileSync(join(PROJECT_ROOT, 'test/golden/assignors/messages.txt'), 'utf8')
    .trim()
    .split('\n')
    .map(line => [line.slice(0, line.lastIndexOf(' ')), Buffer.from(line.slice(line.lastIndexOf(' ') + 1).replace('none', ''), 'hex')]),
);
const bytesOf = (name: string): Buffer => {
  const found = golden.get(name);
  assert.ok(found, `no golden ${name}`);
  return found;
};

const owned = [
  { topic: 'a', partition: 7 },
  { topic: 'b', partition: 0 },
  { topic: 'b', partition: 2 },
];
const userData = Buffer.of(1, 2, 3);
const full = { topics: ['a', 'b', 'caf\u00e9'], ownedPartitions: owned, generationId: 5, userData, rackId: 'rack-1' };
const bare = { topics: [], ownedPartitions: [], generationId: -1, userData: undefined, rackId: undefined };

const paths = await Promise.all(releases.map(clientsJar));
const skip = paths.includes(undefined) ? "needs kafka-clients in Maven's cache; TIDEMARK_REQUIRE_KAFKA=1 fetches it" : false;

test('fields are those that Kafka describes in each version, and a change to any is noticed', { skip }, () => {
  for (const path of paths) {
    assert.ok(path);
    for (const { name, versions, fields } of [ConsumerProtocolSubscription, ConsumerProtocolAssignment]) {
      const message = readMessage(readJar(path), name);
      const found = (shape: Shape, version: number): string[] =>
        differences({ key: message.apiKey, flexible: false, shape }, message, version);
      for (const version of [0, 1, 2, 3]) assert.deepEqual(found(fields, version), [], `${name} v${version}`);
      assert.ok(!includes(message.validVersions, versions[1] + 1), `${name} has newer versions`);
      for (const { path: field, change, shape, versions: seen } of mutations(fields, versions))
        for (const version of seen)
          assert.match(found(shape, version).join(), new RegExp(field), `${name} v${version} ${field}: ${change}`);
    }
  }
});

for (const version of [0, 1, 2, 3]) {
  test(`v${version} is written and read as Kafka's own class does`, () => {
    const read = {
      ...full,
      ownedPartitions: version >= 1 ? owned : [],
      generationId: version >= 2 ? 5 : -1,
      rackId: version >= 3 ? 'rack-1' : undefined,
    };
    assert.deepEqual(decodeSubscription(bytesOf(`subscription full ${version}`)), read);
    assert.deepEqual(decodeSubscription(bytesOf(`subscription bare ${version}`)), bare);
    assert.deepEqual(encodeSubscription(full, version), bytesOf(`subscription full ${version}`));
    assert.deepEqual(encodeSubscription(bare, version), bytesOf(`subscription bare ${version}`));
    assert.deepEqual(decodeAssignment(bytesOf(`assignment full ${version}`)), { partitions: owned, userData });
    assert.deepEqual(decodeAssignment(bytesOf(`assignment bare ${version}`)), { partitions: [], userData: undefined });
    assert.deepEqual(encodeAssignment({ partitions: owned, userData }, version), bytesOf(`assignment full ${version}`));
    assert.deepEqual(encodeAssignment({ partitions: [] }, version), bytesOf(`assignment bare ${version}`));
  });
}

test("user data of the sticky assignors is written as Kafka's do", () => {
  const written = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');
  assert.equal(written(stickyAssignor.userData?.(owned, 7)), bytesOf('sticky full 1').toString('hex'));
  assert.equal(stickyAssignor.userData?.([], -1), undefined);
  assert.equal(bytesOf('sticky new 1').length, 0);
  assert.equal(written(cooperativeStickyAssignor.userData?.(owned, 7)), bytesOf('cooperative-sticky full 0').toString('hex'));
  assert.equal(written(cooperativeStickyAssignor.userData?.([], -1)), bytesOf('cooperative-sticky new 0').toString('hex'));
});

test('equal subscriptions are equal bytes, in whatever order they are given', () => {
  const turned = { ...full, topics: [...full.topics.toReversed(), 'a'], ownedPartitions: [...owned.toReversed(), ...owned] };
  assert.deepEqual(encodeSubscription(turned), encodeSubscription(full));
});

test('the newest version is what is written', () => {
  assert.equal(encodeSubscription(full).readInt16BE(), 3);
  assert.equal(encodeAssignment({ partitions: owned }).readInt16BE(), 3);
  assert.throws(() => encodeSubscription(full, 4), { code: 'TIDE_UNSUPPORTED' });
});

test('of a newer version the known fields are read, and what follows is not', () => {
  for (const [bytes, decode] of [
    [encodeSubscription(full), decodeSubscription],
    [encodeAssignment({ partitions: owned, userData }), decodeAssignment],
  ] as const) {
    for (const version of [4, 9, 32767]) {
      const newer = Buffer.concat([bytes, Buffer.from('fffeee', 'hex')]);
      newer.writeInt16BE(version);
      assert.deepEqual(decode(newer), decode(bytes));
    }
  }
});

test('what ends where an older version ends is taken for that; cut off anywhere else it is refused', () => {
  const bytes = bytesOf('subscription full 3');
  const ends = new Map([0, 1, 2, 3].map(version => [bytesOf(`subscription full ${version}`).length, version]));
  for (let end = 0; end <= bytes.length; end++) {
    const version = ends.get(end);
    const cut = bytes.subarray(0, end);
    if (version === undefined) assert.throws(() => decodeSubscription(cut), ProtocolError, `at ${end}`);
    else assert.deepEqual(decodeSubscription(cut), decodeSubscription(bytesOf(`subscription full ${version}`)));
  }
  const assignment = bytesOf('assignment full 3');
  for (let end = 1; end < assignment.length; end++)
    assert.throws(() => decodeAssignment(assignment.subarray(0, end)), ProtocolError, `at ${end}`);
});

test('no bytes are an assignment without partitions, but no subscription', () => {
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), { partitions: [] });
  assert.throws(() => decodeSubscription(Buffer.alloc(0)), /ConsumerProtocolSubscription: 0 bytes, too few for a version/);
});

test('a negative version is refused by name', () => {
  assert.throws(() => decodeSubscription(Buffer.from('ffff00000000ffffffff', 'hex')), /ConsumerProtocolSubscription: version -1/);
});

test('a count of more than the bytes could hold is refused before anything is made for it', () => {
  assert.throws(
    () => decodeSubscription(Buffer.from('00007fffffff0001', 'hex')),
    /topics: 2147483647 elements of at least 2 bytes do not fit/,
  );
  const assignment = Buffer.from('0000000000010001617fffffff00000001', 'hex');
  assert.throws(() => decodeAssignment(assignment), /partitions: 2147483647 elements of at least 4 bytes do not fit 4 bytes/);
});

test('garbled bytes are read as something, or refused with an error of ours', () => {
  const garbling = fc.tuple(fc.nat(), fc.constantFrom('7fffffff', '80000000', 'ffffffff', '00', 'ff', '7f'));
  fc.assert(
    fc.property(fc.constantFrom(...golden.values()), fc.array(garbling, { minLength: 1, maxLength: 4 }), (original, places) => {
      const bytes = Buffer.from(original);
      for (const [place, hex] of places) if (bytes.length > 0) bytes.write(hex, place % bytes.length, 'hex');
      for (const decode of [decodeSubscription, decodeAssignment]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof KafkaError, String(error));
        }
      }
      const member = { ...bare, memberId: 'a', topics: ['a', 'b'], userData: bytes };
      for (const assignor of [stickyAssignor, cooperativeStickyAssignor])
        assert.equal(assignor.assign([member], new Map([['a', 3]])).get('a')?.length, 3, assignor.name);
    }),
    { numRuns: 500 },
  );
});

test('whatever is written is read again', () => {
  const place = fc.record({ topic: fc.string({ unit: 'binary', maxLength: 3 }), partition: fc.integer() }, { noNullPrototype: true });
  const subscription: fc.Arbitrary<MemberSubscription> = fc.record({
    topics: fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 3 })),
    ownedPartitions: fc.uniqueArray(place, { selector: ({ topic, partition }) => `${partition} ${topic}` }),
    generationId: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    userData: fc.option(
      fc.uint8Array().map(bytes => Buffer.from(bytes)),
      { nil: undefined },
    ),
    rackId: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  });
  const sorted = (one: MemberSubscription): MemberSubscription => ({
    ...one,
    topics: [...one.topics].sort(),
    ownedPartitions: one.ownedPartitions.toSorted((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)),
  });
  fc.assert(fc.property(subscription, one => assert.deepEqual(decodeSubscription(encodeSubscription(one)), sorted(one))));
  fc.assert(
    fc.property(subscription, one => {
      const assignment = { partitions: sorted(one).ownedPartitions, userData: one.userData };
      assert.deepEqual(decodeAssignment(encodeAssignment(assignment)), assignment);
    }),
  );
});

test('a partition that is listed twice is given once', () => {
  const bytes = encodeAssignment({ partitions: [0, 1].map(partition => ({ topic: 'orders', partition })) });
  bytes.writeInt32BE(0, bytes.length - 8); // of its last partition
  assert.deepEqual(decodeAssignment(bytes).partitions, [{ topic: 'orders', partition: 0 }]);
});
