import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { brokerError } from '../../src/base/broker-errors.js';
import type { KafkaError } from '../../src/base/errors.js';
import type { Bounds } from '../../src/cluster/cluster.js';
import { type ForPartition, leaderIn, type Outcome, scatter } from '../../src/cluster/scatter.js';
import { ListOffsets, Metadata } from '../../src/protocol/index.js';
import { type ClusterSettingOptions, clusterSetting } from './setting.js';

/** Three brokers that lead one partition each of "orders", whose ends are 0, 1 and 2, and a request for these ends. */
async function scatterSetting(t: TestContext, options: ClusterSettingOptions = {}) {
  const setting = await clusterSetting(t, { brokers: 3, topics: { orders: { partitions: 3, replicationFactor: 3 } }, ...options });
  const { embedded, cluster } = setting;
  for (const partition of [1, 2]) for (let i = 0; i < partition; i++) embedded.append('orders', partition, [{ value: 'x' }]);
  const ends = (items: readonly ForPartition[], bounds?: Bounds, mayRepeat?: (error: KafkaError) => boolean) =>
    scatter<ForPartition, number>(cluster, {
      items,
      ...(bounds && { bounds }),
      ...(mayRepeat && { mayRepeat }),
      send: async (brokerId, routed) => {
        const topics = routed.map(({ item: { topic: name, partition } }) => ({
          name,
          partitions: [{ partitionIndex: partition, timestamp: -1 }],
        }));
        const answer = await cluster.toBroker(brokerId, ListOffsets, { replicaId: -1, topics });
        return answer.topics.map(({ name, partitions: [found] }): Outcome<number> => {
          const errorCode = found?.errorCode ?? -1;
          return errorCode === 0 ? { ok: true, value: found?.offset ?? -1 } : { ok: false, error: brokerError(errorCode, name) };
        });
      },
    });
  /** Broker and partitions of each request so far. */
  const sent = () =>
    embedded
      .requests(ListOffsets)
      .map(
        ({ broker, body }) =>
          `${broker}: ${body.topics.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex))}`,
      );
  return { ...setting, ends, sent };
}

const at = (...partitions: readonly number[]) => partitions.map(partition => ({ topic: 'orders', partition }));
const shown = (outcomes: readonly Outcome<number>[]) => outcomes.map(outcome => (outcome.ok ? outcome.value : outcome.error.code));

test('one request per leader, outcomes in the order of the items', async t => {
  const { ends, sent } = await scatterSetting(t);
  assert.deepEqual(shown(await ends(at(2, 0, 1, 0))), [2, 0, 1, 0]);
  assert.deepEqual(sent().sort(), ['1: 0,0', '2: 1', '3: 2']);
});

test('nothing to send: nothing is sent', async t => {
  const { embedded, ends } = await scatterSetting(t);
  assert.deepEqual(await ends([]), []);
  assert.deepEqual(embedded.requests(), []);
});

test('one broker refuses for good: its items fail, the others are intact', async t => {
  const { embedded, ends, sent } = await scatterSetting(t);
  embedded.on(ListOffsets, { broker: 2 }).failTimes(100, 'TOPIC_AUTHORIZATION_FAILED');
  assert.deepEqual(shown(await ends(at(0, 1, 2))), [0, 'TOPIC_AUTHORIZATION_FAILED', 2]);
  assert.equal(sent().length, 3);
});

test('one broker fails for a passing reason: only its items are sent again', async t => {
  const { embedded, ends, sent } = await scatterSetting(t);
  embedded.on(ListOffsets, { broker: 2 }).failTimes(2, 'NOT_LEADER_OR_FOLLOWER');
  assert.deepEqual(shown(await ends(at(0, 1, 2))), [0, 1, 2]);
  assert.deepEqual(sent().sort(), ['1: 0', '2: 1', '2: 1', '2: 1', '3: 2']);
  assert.equal(embedded.requests(Metadata).length, 3, 'the first, and one for each refusal');
});

test('a leader that moved is followed after one refresh', async t => {
  const { embedded, cluster, ends, sent } = await scatterSetting(t);
  await cluster.topics(['orders']);
  embedded.moveLeader('orders', 1, 3);
  assert.deepEqual(shown(await ends(at(0, 1, 2))), [0, 1, 2]);
  assert.deepEqual(sent().sort(), ['1: 0', '2: 1', '3: 1', '3: 2']);
  assert.equal(embedded.requests(Metadata).length, 2);
});

test('a broker that stopped: its items go to who leads now', async t => {
  const { embedded, cluster, ends, sent } = await scatterSetting(t);
  await cluster.topics(['orders']);
  await embedded.stopBroker(2);
  assert.deepEqual(shown(await ends(at(0, 1, 2))), [0, 1, 2]);
  assert.deepEqual(sent().sort(), ['1: 0', '3: 1', '3: 2']);
});

test('no leader for one partition: its error after the last attempt, the others at once and once', async t => {
  const { embedded, ends, sent } = await scatterSetting(t);
  await embedded.stopBroker(2, { moveLeaders: false });
  assert.deepEqual(shown(await ends(at(0, 1, 2))), [0, 'LEADER_NOT_AVAILABLE', 2]);
  assert.deepEqual(sent().sort(), ['1: 0', '3: 2']);
  assert.equal(embedded.requests(Metadata).length, 5, 'one for each attempt');
});

test('a topic or partition that does not exist: its own error, which counts the partitions there are', async t => {
  const { ends } = await scatterSetting(t, { cluster: { retry: { attempts: 2, backoffMs: 5, maxBackoffMs: 5 } } });
  const outcomes = await ends([{ topic: 'nowhere', partition: 0 }, ...at(7, 1)]);
  assert.deepEqual(shown(outcomes), ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION', 1]);
  const [, seventh] = outcomes;
  assert.ok(seventh && !seventh.ok);
  assert.match(seventh.error.message, /orders\/7: UNKNOWN_TOPIC_OR_PARTITION \(3\), the topic has 3 partitions, 0 to 2/);
});

test('a partition that the answer leaves out is an error, not a silence', async t => {
  const { embedded, ends } = await scatterSetting(t);
  embedded.on(ListOffsets, { broker: 2 }).answer(() => ({ topics: [] }));
  assert.deepEqual(shown(await ends(at(0, 1, 2))), [0, 'UNKNOWN_SERVER_ERROR', 2]);
});

test('attempts include the first; what may not be repeated is not', async t => {
  const { embedded, ends, sent } = await scatterSetting(t);
  embedded.on(ListOffsets).failTimes(1000, 'NOT_LEADER_OR_FOLLOWER');
  assert.deepEqual(shown(await ends(at(0))), ['NOT_LEADER_OR_FOLLOWER']);
  assert.equal(sent().length, 5);
  assert.deepEqual(shown(await ends(at(0), { policy: { attempts: 2, backoffMs: 1, maxBackoffMs: 1 } })), ['NOT_LEADER_OR_FOLLOWER']);
  assert.equal(sent().length, 7);
  assert.deepEqual(shown(await ends(at(0), {}, () => false)), ['NOT_LEADER_OR_FOLLOWER']);
  assert.equal(sent().length, 8);
});

test('no broker answers: every item has the reason', async t => {
  const { embedded, ends } = await scatterSetting(t, { cluster: { retry: { attempts: 2, backoffMs: 5, maxBackoffMs: 5 } } });
  for (const id of embedded.brokerIds) await embedded.stopBroker(id);
  assert.deepEqual(shown(await ends(at(0, 1))), ['TIDE_CONNECTION', 'TIDE_CONNECTION']);
});

test('an abort rejects with its reason, a close with TIDE_CLOSED, a bug as itself', async t => {
  const { embedded, cluster, ends } = await scatterSetting(t);
  embedded.on(ListOffsets).failTimes(1000, 'NOT_LEADER_OR_FOLLOWER');
  const stop = new AbortController();
  const why = new Error('enough');
  const policy = { attempts: 1000, backoffMs: 60_000, maxBackoffMs: 60_000 };
  const waiting = ends(at(0), { signal: stop.signal, policy });
  await embedded.nextRequest(ListOffsets);
  stop.abort(why);
  await assert.rejects(waiting, error => error === why);
  const bug = new TypeError('a bug');
  const broken = scatter(cluster, { items: at(0), send: () => Promise.reject(bug) });
  await assert.rejects(broken, error => error === bug);
  cluster.close();
  await assert.rejects(ends(at(0)), { code: 'TIDE_CLOSED' });
});

test('leaderIn() says why a partition cannot be sent to', async t => {
  const { cluster } = await scatterSetting(t);
  const topic = (await cluster.topics(['orders'])).topics.get('orders');
  assert.equal(leaderIn(topic, { topic: 'orders', partition: 1 }).leader, 2);
  assert.throws(() => leaderIn(undefined, { topic: 'orders', partition: 1 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  assert.throws(() => leaderIn(topic && { ...topic, errorCode: 29 }, { topic: 'orders', partition: 1 }), {
    code: 'TOPIC_AUTHORIZATION_FAILED',
  });
});
