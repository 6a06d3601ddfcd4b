import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a } from '../../src/bytes/fnv1a.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { fnv1aPartitioner, murmur2Partitioner, type PartitionChoice, stickyPartitioner } from '../../src/producer/partitioners.js';
import { clientSetting, rejection } from '../client/setting.js';

const partitions = (count: number, leaderless: readonly number[] = []): readonly PartitionChoice[] =>
  Array.from({ length: count }, (_, partition) => ({ partition, leader: leaderless.includes(partition) ? -1 : 1 }));
const keys = Array.from({ length: 10 }, (_, i) => `key-${i}`);

test('FNV-1a agrees with its published vectors', () => {
  assert.deepEqual(
    ['', 'a', 'foobar'].map(text => fnv1a(Buffer.from(text)).toString(16)),
    ['811c9dc5', 'e40c292c', 'bf9cf968'],
  );
});

test('fnv1aPartitioner chooses as the Go client, but never a negative partition', () => {
  const choose = (count: number) => keys.map(key => fnv1aPartitioner({ key }, partitions(count), 't'));
  assert.deepEqual(choose(3), [0, 1, 2, 0, 2, 0, 1, 2, 1, 2]);
  assert.deepEqual(choose(12), [9, 10, 11, 0, 5, 6, 7, 8, 1, 2]);
  for (const key of ['qqk42v', 'afjtjzd', 'a01sk58']) {
    assert.equal(fnv1a(Buffer.from(key)), 0x80000000);
    assert.equal(fnv1aPartitioner({ key: Buffer.from(key) }, partitions(3), 't'), 2);
  }
  assert.equal(fnv1aPartitioner({ key: 'a' }, [], 't'), -1);
});

test('with fnv1aPartitioner a record needs a key, and an empty one is a key', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 3 } });
  const producer = new KeyedProducer(client, { partitioner: fnv1aPartitioner });
  assert.equal((await rejection(producer.send({ topic: 'orders', value: 'v' }))).code, 'TIDE_KEY_REQUIRED');
  const { partition } = await producer.send({ topic: 'orders', key: '', value: 'v' });
  assert.equal(partition, Math.abs(0x811c9dc5 | 0) % 3);
  assert.equal(cluster.records('orders', partition).length, 1);
});

test('stickyPartitioner stays until so many bytes have gone there, then takes another with a leader', () => {
  const choose = stickyPartitioner({ everyBytes: 10 });
  const all = partitions(4, [1]);
  const chosen = Array.from({ length: 60 }, () => choose({ value: 'x'.repeat(5) }, all, 'orders'));
  for (let i = 0; i < chosen.length; i += 2) {
    assert.equal(chosen[i], chosen[i + 1]);
    if (i > 0) assert.notEqual(chosen[i], chosen[i - 1]);
  }
  assert.ok(!chosen.includes(1), 'it has no leader');
  assert.equal(choose({ value: 'x'.repeat(5) }, partitions(1), 'audit'), 0, 'the only one is taken again');
});

test('stickyPartitioner leaves a partition that has lost its leader, keeps topics apart, and hashes keys', () => {
  const choose = stickyPartitioner();
  const first = choose({ value: 'x' }, partitions(3), 'orders');
  assert.equal(choose({ value: 'x' }, partitions(3), 'orders'), first);
  assert.notEqual(choose({ value: 'x' }, partitions(3, [first]), 'orders'), first);
  for (const key of keys)
    assert.equal(choose({ key, value: 'x' }, partitions(3), 'orders'), murmur2Partitioner({ key }, partitions(3), 'orders'));
  assert.throws(() => stickyPartitioner({ everyBytes: 0 }), { code: 'TIDE_OPTION' });
  assert.throws(() => stickyPartitioner({ bytes: 5 } as object), { code: 'TIDE_OPTION' });
});

test('a key goes to the same partition as text and as its bytes, however long it is and whatever is in it', () => {
  const texts = [
    '',
    'k',
    'k\u00e9y',
    '\ud83d\ude00',
    'x'.repeat(31),
    'x'.repeat(32),
    `${'x'.repeat(40)}\u20ac`,
    '\u20ac'.repeat(128),
    'y'.repeat(1000),
  ];
  for (const choose of [murmur2Partitioner, fnv1aPartitioner]) {
    for (const text of texts) {
      const asBytes = choose({ key: Buffer.from(text) }, partitions(997), 't');
      assert.equal(choose({ key: text }, partitions(997), 't'), asBytes, JSON.stringify(text));
    }
  }
});
