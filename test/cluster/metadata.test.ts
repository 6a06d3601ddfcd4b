import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { type ClusterMetadata, noMetadata, withAnswer } from '../../src/cluster/metadata.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { Metadata, Produce, type ResponseInput, type ResponseOf } from '../../src/protocol/index.js';
import { clusterSetting } from './setting.js';

const asked = (embedded: { requests(api: typeof Metadata): readonly { body: { topics: readonly { name: string | null }[] | null } }[] }) =>
  embedded.requests(Metadata).map(({ body }) => body.topics?.map(({ name }) => name).join() ?? 'all');

test('what is known and current is not asked again', async t => {
  const { embedded, cluster } = await clusterSetting(t);
  const first = await cluster.topics(['orders']);
  assert.equal(first.topics.get('orders')?.partitions.length, 1);
  for (let i = 0; i < 5; i++) await cluster.topics(['orders']);
  assert.deepEqual(asked(embedded), ['orders']);
});

test('what is older than metadataMaxAgeMs is asked again, and serves meanwhile', async t => {
  const { embedded, cluster, clock, snapshots, until } = await clusterSetting(t, { cluster: { metadataMaxAgeMs: 60_000 } });
  const first = await cluster.topics(['orders']);
  clock.advance(59_000);
  assert.equal(await cluster.topics(['orders']), first);
  assert.equal(embedded.requests(Metadata).length, 1);
  clock.advance(2000);
  embedded.createTopic('audit');
  const hold = embedded.on(Metadata).hold();
  assert.equal(await cluster.topics(['orders']), first, 'the old snapshot, at once');
  await hold.held;
  for (let i = 0; i < 5; i++) assert.equal(await cluster.topics(['orders']), first);
  hold.release();
  await until(() => snapshots.length === 2);
  assert.notEqual(await cluster.topics(['orders']), first);
  // The answers of all that was asked have arrived when a later request is answered.
  await cluster.topics(['audit']);
  assert.deepEqual(asked(embedded), ['orders', 'orders', 'audit'], 'one refresh, however many noticed');
});

test('a refresh that fails leaves what was known in use', async t => {
  const { embedded, cluster, clock } = await clusterSetting(t, { cluster: { metadataMaxAgeMs: 1000 } });
  const first = await cluster.topics(['orders']);
  clock.advance(2000);
  embedded.on(Metadata).drop(2);
  assert.equal(await cluster.topics(['orders']), first);
  // Comes after the one that was begun meanwhile.
  await assert.rejects(cluster.refresh(['orders']), { code: 'TIDE_CONNECTION' });
  assert.equal(embedded.requests(Metadata).length, 3);
  assert.equal(await cluster.topics(['orders']), first);
});

test('many callers at once cause one request', async t => {
  const { embedded, cluster } = await clusterSetting(t, { topics: { orders: 1, audit: 1 } });
  await Promise.all(Array.from({ length: 20 }, (_, i) => cluster.topics([i % 2 === 0 ? 'orders' : 'audit'])));
  assert.deepEqual(asked(embedded), ['orders,audit']);
});

test('who asks for a topic while it is being asked for waits for that answer', async t => {
  const { embedded, cluster } = await clusterSetting(t, { topics: { orders: 1, audit: 1 } });
  const hold = embedded.on(Metadata).hold();
  const first = cluster.topics(['orders']);
  await hold.held;
  const joining = [cluster.topics(['orders']), cluster.topics(['orders'])];
  hold.release();
  await Promise.all([first, ...joining]);
  await cluster.topics(['audit']);
  assert.deepEqual(asked(embedded), ['orders', 'audit']);
});

test('what was found out of date while it was being asked for is asked for again', async t => {
  const { embedded, cluster, clock } = await clusterSetting(t, { cluster: { metadataMaxAgeMs: 1000 } });
  const seen = (await cluster.topics(['orders'])).topics.get('orders');
  assert.ok(seen);
  clock.advance(2000);
  const hold = embedded.on(Metadata).hold();
  await cluster.topics(['orders']); // in the background
  await hold.held;
  cluster.outdated(seen); // its answer is on the way already, and may be as old
  const again = cluster.topics(['orders']);
  hold.release();
  await again;
  assert.equal(embedded.requests(Metadata).length, 3);
});

test('one cause, one refresh: 20 produces that hear NOT_LEADER_OR_FOLLOWER at once', async t => {
  const { embedded } = await clusterSetting(t, { topics: { orders: 20 } });
  await using client = new KafkaClient({ brokers: embedded.brokers, retry: { attempts: 5, backoffMs: 5, maxBackoffMs: 20 } });
  const producer = new KeyedProducer(client);
  const send = (value: string) =>
    Promise.all(Array.from({ length: 20 }, (_, partition) => producer.send({ topic: 'orders', partition, key: 'k', value })));
  await send('before');
  const before = embedded.requests(Metadata).length;
  embedded.on(Produce).failOnce('NOT_LEADER_OR_FOLLOWER');
  await send('after');
  assert.equal(embedded.requests(Metadata).length - before, 1);
  for (let partition = 0; partition < 20; partition++) assert.equal(embedded.records('orders', partition).length, 2);
});

test('outdated() is about what was seen: a caller that is late causes no further refresh', async t => {
  const { embedded, cluster } = await clusterSetting(t);
  const seen = (await cluster.topics(['orders'])).topics.get('orders');
  assert.ok(seen);
  cluster.outdated(seen);
  await cluster.topics(['orders']);
  cluster.outdated(seen);
  await cluster.topics(['orders']);
  assert.equal(embedded.requests(Metadata).length, 2);
});

test('what was read just now and is out of date is asked for after half a back-off, once for all who ask', async t => {
  const retry = { attempts: 5, backoffMs: 400, maxBackoffMs: 400 };
  const { embedded, cluster } = await clusterSetting(t, { cluster: { retry } });
  const seen = (await cluster.topics(['orders'])).topics.get('orders');
  assert.ok(seen);
  cluster.outdated(seen);
  const waiting = Array.from({ length: 20 }, () => cluster.topics(['orders']));
  await cluster.toAny(Metadata, { topics: [] });
  assert.deepEqual(asked(embedded), ['orders', ''], 'nobody has asked yet');
  for (const snapshot of await Promise.all(waiting)) assert.notEqual(snapshot.topics.get('orders'), seen);
  assert.deepEqual(asked(embedded), ['orders', '', 'orders']);
});

test('what is older than half a back-off and out of date is asked for at once', { timeout: 20_000 }, async t => {
  const retry = { attempts: 5, backoffMs: 600_000, maxBackoffMs: 600_000 };
  const { embedded, cluster, clock } = await clusterSetting(t, { cluster: { retry } });
  const seen = (await cluster.topics(['orders'])).topics.get('orders');
  assert.ok(seen);
  clock.advance(300_000);
  cluster.outdated(seen);
  await cluster.topics(['orders']);
  assert.deepEqual(asked(embedded), ['orders', 'orders']);
});

test('a question for one topic takes along all that is out of date', { timeout: 20_000 }, async t => {
  const retry = { attempts: 5, backoffMs: 600_000, maxBackoffMs: 600_000 };
  const { embedded, cluster } = await clusterSetting(t, { topics: { orders: 1, audit: 1 }, cluster: { retry } });
  const seen = (await cluster.topics(['orders'])).topics.get('orders');
  assert.ok(seen);
  cluster.outdated(seen);
  await cluster.topics(['audit']);
  await cluster.topics(['orders']);
  assert.deepEqual(asked(embedded), ['orders', 'audit,orders']);
});

test('waiting for fresh data ends when the caller gives up, and when the cluster is closed', { timeout: 20_000 }, async t => {
  const retry = { attempts: 5, backoffMs: 600_000, maxBackoffMs: 600_000 };
  const { cluster } = await clusterSetting(t, { cluster: { retry } });
  const seen = (await cluster.topics(['orders'])).topics.get('orders');
  assert.ok(seen);
  cluster.outdated(seen);
  const abort = new AbortController();
  const given = new Error('enough');
  const [aborted, closed] = [cluster.topics(['orders'], abort.signal), cluster.topics(['orders'])];
  abort.abort(given);
  await assert.rejects(aborted, error => error === given);
  cluster.close();
  await assert.rejects(closed, { code: 'TIDE_CLOSED' });
});

test('many that find a partition without a leader, each in its own time, ask no more often than one would', async t => {
  const retry = { attempts: 5, backoffMs: 100, maxBackoffMs: 100 };
  const { embedded, cluster, clock } = await clusterSetting(t, { cluster: { retry } });
  await cluster.topics(['orders']);
  const started = clock.now();
  const finder = async (number: number) => {
    for (let round = 0; round < 4; round++) {
      const seen = cluster.topic('orders');
      assert.ok(seen);
      cluster.outdated(seen);
      await cluster.topics(['orders']);
      await cluster.pause(number);
    }
  };
  await Promise.all(Array.from({ length: 40 }, (_, number) => finder(number)));
  const periods = (clock.now() - started) / 50;
  const count = embedded.requests(Metadata).length - 1;
  assert.ok(count <= periods + 1, `${count} requests in ${periods} half back-offs`);
});

test('a leader that moves is in the next snapshot, with a higher epoch', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 3 });
  const before = (await cluster.topics(['orders'])).topics.get('orders')?.partitions[0];
  assert.equal(before?.leader, 1);
  embedded.moveLeader('orders', 0, 3);
  const after = (await cluster.refresh(['orders'])).topics.get('orders')?.partitions[0];
  assert.equal(after?.leader, 3);
  assert.ok((after?.leaderEpoch ?? 0) > (before?.leaderEpoch ?? 0));
});

test('a broker that stops: another answers, and is told to lead', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 3 });
  const before = await cluster.topics(['orders']);
  assert.deepEqual([...before.brokers.keys()], [1, 2, 3]);
  await embedded.stopBroker(1);
  const after = await cluster.refresh(['orders']);
  assert.deepEqual([...after.brokers.keys()], [2, 3]);
  assert.equal(after.topics.get('orders')?.partitions[0]?.leader, 2);
  assert.deepEqual(after.topics.get('orders')?.partitions[0]?.isr, [2, 3]);
  assert.equal(after.controllerId, 2);
  await assert.rejects(cluster.toBroker(1, Metadata, { topics: [] }), { code: 'TIDE_CONNECTION', persistence: 'no' });
  await embedded.startBroker(1);
  assert.deepEqual([...(await cluster.refresh([])).brokers.keys()], [1, 2, 3]);
  await cluster.toBroker(1, Metadata, { topics: [] });
});

test('the connection to a broker that has left the cluster is closed', async t => {
  const { embedded, cluster, connections, until } = await clusterSetting(t, { brokers: 2, bootstrap: ([first = '']) => [first] });
  const second = embedded.brokers[1];
  await cluster.refresh([]);
  await cluster.toBroker(2, Metadata, { topics: [] });
  const gone = (answer: ResponseInput<typeof Metadata>) => ({
    ...answer,
    brokers: Array.from(answer.brokers).filter(({ nodeId }) => nodeId === 1),
  });
  embedded.on(Metadata).answer(async (_, next) => gone((await next()) ?? { brokers: [], topics: [] }));
  assert.deepEqual([...(await cluster.refresh([])).brokers.keys()], [1]);
  await until(() => connections.includes(`closed ${second}`));
  assert.deepEqual(connections, [`opened ${embedded.brokers[0]}`, `opened ${second}`, `closed ${second}`]);
});

test('a broker that knows nobody yet does not make us forget everybody', async t => {
  const { embedded, cluster, snapshots } = await clusterSetting(t);
  const before = await cluster.topics(['orders']);
  embedded.on(Metadata).answer(() => ({ brokers: [], topics: [], clusterId: null, controllerId: -1 }));
  await cluster.refresh(['orders']);
  assert.equal(cluster.metadata, before);
  assert.equal(snapshots.length, 1);
});

test('what the cluster refused is asked again after about a back-off, not by each caller', async t => {
  const { embedded, cluster, clock } = await clusterSetting(t);
  assert.equal((await cluster.topics(['later'])).topics.get('later')?.errorCode, 3);
  clock.advance(1);
  await cluster.topics(['later']);
  assert.equal(embedded.requests(Metadata).length, 1);
  embedded.createTopic('later');
  clock.advance(5);
  assert.equal((await cluster.topics(['later'])).topics.get('later')?.errorCode, 0);
  assert.equal(embedded.requests(Metadata).length, 2);
});

test('refresh("all") forgets topics that are gone; refresh of some keeps the others', async t => {
  const { embedded, cluster } = await clusterSetting(t, { topics: { orders: 1, audit: 1 } });
  await cluster.refresh('all');
  embedded.deleteTopic('audit');
  embedded.createTopic('new', 2);
  assert.deepEqual([...(await cluster.refresh(['new'])).topics.keys()].sort(), ['audit', 'new', 'orders']);
  assert.deepEqual([...(await cluster.refresh('all')).topics.keys()].sort(), ['new', 'orders']);
});

type Answer = ResponseOf<typeof Metadata>;
const uuid = 'AAAAAAAAAAAAAAAAAAAAAQ';
const described = (leaderId: number, leaderEpoch: number, topicId = uuid): Answer => ({
  throttleTimeMs: 0,
  brokers: [1, 2].map(nodeId => ({ nodeId, host: 'kafka', port: 9090 + nodeId, rack: null })),
  clusterId: 'c',
  controllerId: 1,
  errorCode: 0,
  clusterAuthorizedOperations: -1,
  topics: [
    {
      errorCode: 0,
      name: 'orders',
      topicId,
      isInternal: false,
      topicAuthorizedOperations: -1,
      partitions: [1, 0].map(partitionIndex => ({
        errorCode: 0,
        partitionIndex,
        leaderId,
        leaderEpoch,
        replicaNodes: [1, 2],
        isrNodes: [1],
        offlineReplicas: [],
      })),
    },
  ],
});
const leaders = ({ topics }: ClusterMetadata) => topics.get('orders')?.partitions.map(({ leader }) => leader);

test('leader epochs of brokers that tell wrong ones while partitions move are not believed', () => {
  const epochs = (version: number) =>
    withAnswer(noMetadata, described(2, 5), false, version)
      .topics.get('orders')
      ?.partitions.map(({ leaderEpoch }) => leaderEpoch);
  assert.deepEqual(
    [epochs(8), epochs(9)],
    [
      [-1, -1],
      [5, 5],
    ],
  );
});

test('an answer with an older epoch does not bring a deposed leader back, unless the topic is another', () => {
  const now = withAnswer(noMetadata, described(2, 5));
  assert.deepEqual(leaders(now), [2, 2]);
  assert.deepEqual(leaders(withAnswer(now, described(1, 4))), [2, 2], 'from a broker that is behind');
  assert.deepEqual(leaders(withAnswer(now, described(1, 6))), [1, 1]);
  assert.deepEqual(leaders(withAnswer(now, described(1, 5))), [1, 1]);
  assert.deepEqual(leaders(withAnswer(now, described(1, -1))), [1, 1], 'no epochs, nothing to compare');
  assert.deepEqual(leaders(withAnswer(now, described(1, 0, 'AAAAAAAAAAAAAAAAAAAAAg'))), [1, 1], 'deleted and created again');
});

test('a snapshot is frozen, its partitions are in order, and addresses that cannot be are left out', () => {
  const answer = described(1, 0);
  const odd = [
    { nodeId: 3, host: '', port: 9092, rack: null },
    { nodeId: 4, host: 'kafka', port: -1, rack: null },
    { nodeId: 5, host: 'kafka', port: 70_000, rack: null },
  ];
  const snapshot = withAnswer(noMetadata, { ...answer, brokers: [...answer.brokers, ...odd] });
  assert.deepEqual([...snapshot.brokers.keys()], [1, 2]);
  const topic = snapshot.topics.get('orders');
  assert.deepEqual(
    topic?.partitions.map(({ partition }) => partition),
    [0, 1],
  );
  for (const part of [snapshot, snapshot.brokers.get(1), topic, topic?.partitions, topic?.partitions[0], topic?.partitions[0]?.isr])
    assert.ok(Object.isFrozen(part));
});
