import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { brokerError } from '../../src/base/broker-errors.js';
import { KafkaError } from '../../src/base/errors.js';
import type { Bounds } from '../../src/cluster/cluster.js';
import { Coordinators } from '../../src/cluster/coordinators.js';
import { FindCoordinator, Metadata, OffsetFetch } from '../../src/protocol/index.js';
import { type ClusterSettingOptions, clusterSetting } from './setting.js';

/** Three brokers, the second of which coordinates everything, and a request that only the coordinator answers. */
async function coordinatorSetting(t: TestContext, options: ClusterSettingOptions = {}) {
  const setting = await clusterSetting(t, { brokers: 3, ...options });
  const { embedded, cluster } = setting;
  embedded.moveCoordinator(2);
  await cluster.refresh([]);
  const coordinators = new Coordinators(cluster);
  const ask = (group = 'billing', bounds?: Bounds & { timeoutMs?: number }) =>
    coordinators.request(
      'group',
      group,
      OffsetFetch,
      { groupId: group, topics: [] },
      answer => {
        if (answer.errorCode !== 0) throw brokerError(answer.errorCode, 'ask');
        return 'answered' as const;
      },
      { ...bounds, maxVersion: 7 },
    );
  /** Brokers that were asked, in order. */
  const askedBrokers = () => embedded.requests(OffsetFetch).map(({ broker }) => broker);
  const lookups = () => embedded.requests(FindCoordinator).length;
  return { ...setting, coordinators, ask, askedBrokers, lookups };
}

test('a coordinator is found once, and remembered for each group by itself', async t => {
  const { embedded, ask, askedBrokers, lookups } = await coordinatorSetting(t);
  embedded.moveCoordinator(3, 'audit');
  for (const group of ['billing', 'billing', 'audit', 'billing', 'audit']) await ask(group);
  assert.deepEqual(askedBrokers(), [2, 2, 3, 2, 3]);
  assert.equal(lookups(), 2);
});

test('many who ask at once share one look-up', async t => {
  const { ask, lookups } = await coordinatorSetting(t);
  await Promise.all(Array.from({ length: 10 }, () => ask()));
  assert.equal(lookups(), 1);
});

test('who gives up while the coordinator is looked up does not take the others along', async t => {
  const { embedded, ask, lookups } = await coordinatorSetting(t);
  const hold = embedded.on(FindCoordinator).hold();
  const first = new AbortController();
  const given = ask('billing', { signal: first.signal });
  await hold.held;
  const other = ask();
  const why = new Error('enough');
  first.abort(why);
  await assert.rejects(given, error => error === why);
  hold.release();
  assert.equal(await other, 'answered');
  assert.equal(lookups(), 1);
});

for (const version of [0, 1, 2, 3, 4, 5] as const) {
  test(`groups and transactional ids are told apart (FindCoordinator v${version})`, async t => {
    const { embedded, coordinators } = await coordinatorSetting(t, { cluster: { versionCaps: new Map([['FindCoordinator', version]]) } });
    embedded.moveCoordinator(3, 'same');
    assert.equal(await coordinators.find('group', 'same'), 3);
    if (version === 0) return; // it knows groups only
    embedded.moveCoordinator(1, 'same');
    assert.equal(await coordinators.find('transaction', 'same'), 1);
    assert.equal(await coordinators.find('group', 'same'), 3, 'as remembered');
    assert.deepEqual(
      embedded.requests(FindCoordinator).map(request => [request.version, request.body.keyType]),
      [
        [version, 0],
        [version, 1],
      ],
    );
  });
}

test('NOT_COORDINATOR: forgotten, and found again', async t => {
  const { embedded, ask, askedBrokers, lookups } = await coordinatorSetting(t);
  await ask();
  embedded.moveCoordinator(3);
  assert.equal(await ask(), 'answered');
  assert.deepEqual(askedBrokers(), [2, 2, 3]);
  assert.equal(lookups(), 2);
});

test('COORDINATOR_LOAD_IN_PROGRESS: the same broker is asked again', async t => {
  const { embedded, ask, askedBrokers, lookups } = await coordinatorSetting(t);
  embedded.on(OffsetFetch).failTimes(2, 'COORDINATOR_LOAD_IN_PROGRESS');
  assert.equal(await ask(), 'answered');
  assert.deepEqual(askedBrokers(), [2, 2, 2]);
  assert.equal(lookups(), 1);
});

test('COORDINATOR_NOT_AVAILABLE while looking: tried again', async t => {
  const { embedded, ask, askedBrokers, lookups } = await coordinatorSetting(t);
  embedded.on(FindCoordinator).failTimes(2, 'COORDINATOR_NOT_AVAILABLE');
  assert.equal(await ask(), 'answered');
  assert.deepEqual(askedBrokers(), [2]);
  assert.equal(lookups(), 3);
});

test('the broker of the coordinator stops: the next one is found', async t => {
  const { embedded, ask, askedBrokers } = await coordinatorSetting(t);
  await ask();
  await embedded.stopBroker(2);
  assert.equal(await ask(), 'answered');
  const last = askedBrokers().at(-1);
  assert.equal(last, embedded.coordinatorOf('billing'));
  assert.notEqual(last, 2);
});

test('a coordinator that does not answer in time is looked up again', async t => {
  const { embedded, ask, askedBrokers } = await coordinatorSetting(t);
  const silent = embedded.on(OffsetFetch).silent();
  void silent;
  const asking = ask('billing', { timeoutMs: 100 });
  await embedded.nextRequest(OffsetFetch);
  embedded.moveCoordinator(3);
  assert.equal(await asking, 'answered');
  assert.deepEqual(askedBrokers(), [2, 3]);
});

test('a coordinator at another address than the one known: the answer that names it is newer', async t => {
  const { embedded, cluster, ask, askedBrokers } = await coordinatorSetting(t);
  embedded.on(Metadata).answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, brokers: Array.from(answer.brokers, broker => (broker.nodeId === 2 ? { ...broker, port: 1 } : broker)) };
  });
  assert.equal((await cluster.refresh([])).brokers.get(2)?.port, 1);
  assert.equal(await ask(), 'answered');
  assert.deepEqual(askedBrokers(), [2]);
});

test('a coordinator that metadata does not list is reached all the same', async t => {
  const { embedded, cluster, ask, askedBrokers } = await coordinatorSetting(t);
  embedded.on(Metadata).answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, brokers: Array.from(answer.brokers).filter(({ nodeId }) => nodeId !== 2) };
  });
  assert.deepEqual([...(await cluster.refresh([])).brokers.keys()], [1, 3]);
  assert.equal(await ask(), 'answered');
  assert.deepEqual(askedBrokers(), [2]);
});

test('no coordinator to be found: after the last attempt a typed error with the errno -1019', async t => {
  const { embedded, ask, lookups } = await coordinatorSetting(t);
  embedded.on(FindCoordinator).failTimes(1000, 'COORDINATOR_NOT_AVAILABLE');
  const error = await ask().then(
    () => assert.fail('there is none'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KafkaError);
  assert.equal(error.code, 'COORDINATOR_NOT_AVAILABLE');
  assert.equal(error.errno, -1019);
  assert.equal(error.retriable, true);
  assert.match(error.message, /find the coordinator of group "billing"/);
  assert.equal(lookups(), 5, 'attempts include the first');
});

test('a coordinator that goes on loading: its own error after the last attempt', async t => {
  const { embedded, ask, askedBrokers } = await coordinatorSetting(t);
  embedded.on(OffsetFetch).failTimes(1000, 'COORDINATOR_LOAD_IN_PROGRESS');
  await assert.rejects(ask(), { code: 'COORDINATOR_LOAD_IN_PROGRESS', errno: 14, retriable: true });
  assert.equal(askedBrokers().length, 5);
});

test('a deadline ends the attempts, whatever the policy allows', async t => {
  const { embedded, cluster, clock, ask, askedBrokers } = await coordinatorSetting(t);
  const policy = { attempts: 1_000_000, backoffMs: 5, maxBackoffMs: 5 };
  embedded.on(OffsetFetch).failTimes(1_000_000, 'NOT_COORDINATOR');
  const asking = ask('billing', { policy, deadline: cluster.deadline(60_000) });
  while (askedBrokers().length < 3) await embedded.nextRequest(OffsetFetch);
  clock.advance(60_000);
  await assert.rejects(asking, { code: 'NOT_COORDINATOR' });
});

test('a deadline holds for a coordinator that never answers', async t => {
  const { embedded, cluster, ask } = await coordinatorSetting(t, { cluster: { requestTimeoutMs: 600_000 } });
  await ask();
  embedded.on(OffsetFetch).silent(1000);
  await assert.rejects(ask('billing', { deadline: cluster.deadline(50) }), { code: 'TIDE_TIMEOUT' });
});

test('a deadline holds for a look-up that is never answered; who else waits for it has the answer', async t => {
  const { embedded, cluster, ask, lookups } = await coordinatorSetting(t, { cluster: { requestTimeoutMs: 600_000 } });
  const hold = embedded.on(FindCoordinator).hold();
  const late = assert.rejects(ask('billing', { deadline: cluster.deadline(50) }), { code: 'TIDE_TIMEOUT', persistence: 'no' });
  const patient = ask();
  await late;
  hold.release();
  assert.equal(await patient, 'answered');
  assert.equal(lookups(), 1);
});

test('what is no matter of coordinators is not tried again', async t => {
  const { embedded, ask, askedBrokers, lookups } = await coordinatorSetting(t);
  embedded.on(OffsetFetch).failOnce('GROUP_AUTHORIZATION_FAILED');
  await assert.rejects(ask(), { code: 'GROUP_AUTHORIZATION_FAILED', errno: 30 });
  assert.deepEqual([askedBrokers(), lookups()], [[2], 1]);
  embedded.on(FindCoordinator).failOnce('GROUP_AUTHORIZATION_FAILED');
  await assert.rejects(ask('other'), { code: 'GROUP_AUTHORIZATION_FAILED', errno: 30 });
  assert.equal(lookups(), 2);
});
