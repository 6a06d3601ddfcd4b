import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartialError, StateError } from '../../src/base/errors.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { type CommitResult, OffsetStore } from '../../src/client/offset-store.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { ApiVersions, FindCoordinator, ListOffsets, Metadata, OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { findProgram } from '../kafka/availability.js';
import { type KafkaHandle, type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { GuardedProcess } from '../kafka/process.js';
import { kcatProduce } from '../support/kcat.js';
import { type ClientSettingOptions, clientSetting, quick, rejection } from './setting.js';

async function storeSetting(t: Parameters<typeof clientSetting>[0], options?: ClientSettingOptions) {
  const setting = await clientSetting(t, { topics: { orders: 2, audit: 1 }, ...options });
  return { ...setting, store: new OffsetStore(setting.core) };
}

const places = [
  { topic: 'orders', partition: 1 },
  { topic: 'audit', partition: 0 },
  { topic: 'orders', partition: 0 },
];
const note = 'until tea time, caf\u00e9 \u2615';

const from = ([first, last]: readonly [number, number]) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

for (const version of from(OffsetCommit.versions)) {
  test(`OffsetCommit v${version}: what is committed is stored, with its metadata`, async t => {
    const { cluster, store } = await storeSetting(t, { client: { apiVersions: { OffsetCommit: version } } });
    await store.commit('billing', [
      { topic: 'orders', partition: 1, offset: 2 ** 40, leaderEpoch: 3, metadata: note },
      { topic: 'audit', partition: 0, offset: 0 },
    ]);
    const leaderEpoch = version >= 6 ? 3 : -1;
    assert.deepEqual(
      [...cluster.committed('billing')],
      [
        ['orders/1', { offset: 2 ** 40, metadata: note, leaderEpoch }],
        ['audit/0', { offset: 0, metadata: '', leaderEpoch: -1 }],
      ],
    );
    assert.deepEqual(
      cluster.requests(OffsetCommit).map(request => [request.version, request.body.generationIdOrMemberEpoch, request.body.memberId]),
      [[version, -1, '']],
    );
  });

  test(`OffsetCommit v${version}: one partition that is refused, and one that is stored`, async t => {
    const { cluster, store } = await storeSetting(t, { client: { apiVersions: { OffsetCommit: version } } });
    const error = await rejection(
      store.commit('billing', [
        { topic: 'orders', partition: 0, offset: 1, metadata: 'x'.repeat(5000) },
        { topic: 'orders', partition: 1, offset: 2 },
      ]),
    );
    assert.ok(error instanceof PartialError);
    assert.deepEqual([error.code, error.errno], ['OFFSET_METADATA_TOO_LARGE', 12]);
    assert.match(error.message, /^commit orders\/0 at 1 for group "billing": /);
    assert.deepEqual(
      (error.results as readonly CommitResult[]).map(({ partition, offset, error: reason }) => [partition, offset, reason?.code]),
      [
        [0, 1, 'OFFSET_METADATA_TOO_LARGE'],
        [1, 2, undefined],
      ],
    );
    assert.deepEqual([...cluster.committed('billing').keys()], ['orders/1']);
  });
}

for (const version of from(OffsetFetch.versions)) {
  test(`OffsetFetch v${version}: gives what is stored in the order asked, undefined where nothing is`, async t => {
    const { cluster, store } = await storeSetting(t, { client: { apiVersions: { OffsetFetch: version } } });
    assert.deepEqual(await store.fetch('billing', places), [undefined, undefined, undefined]);
    await store.commit('billing', [
      { topic: 'orders', partition: 0, offset: 7, metadata: note, leaderEpoch: 4 },
      { topic: 'audit', partition: 0, offset: 0 },
    ]);
    const leaderEpoch = version >= 5 ? 4 : -1;
    assert.deepEqual(await store.fetch('billing', places), [
      undefined,
      { topic: 'audit', partition: 0, offset: 0, leaderEpoch: -1, metadata: '' },
      { topic: 'orders', partition: 0, offset: 7, leaderEpoch, metadata: note },
    ]);
    assert.deepEqual(await store.fetch('another', places), [undefined, undefined, undefined]);
    assert.deepEqual(
      cluster.requests(OffsetFetch).map(request => request.version),
      [version, version, version],
    );
  });

  test(`OffsetFetch v${version}: the error of a partition is thrown, with its place`, async t => {
    const { cluster, store } = await storeSetting(t, { client: { apiVersions: { OffsetFetch: version } } });
    cluster.on(OffsetFetch, { topic: 'orders', partition: 0 }).failOnce('TOPIC_AUTHORIZATION_FAILED');
    const error = await rejection(store.fetch('billing', places));
    assert.equal(error.code, 'TOPIC_AUTHORIZATION_FAILED');
    assert.match(error.message, /group "billing" for orders\/0/);
  });

  test(`OffsetFetch v${version}: offsets of open transactions are waited for, where the version knows them`, async t => {
    const { cluster, store } = await storeSetting(t, { client: { apiVersions: { OffsetFetch: version } } });
    cluster.on(OffsetFetch, { topic: 'orders', partition: 0 }).failTimes(2, 'UNSTABLE_OFFSET_COMMIT');
    assert.deepEqual(await store.fetch('billing', places.slice(2)), [undefined]);
    assert.equal(cluster.requests(OffsetFetch).length, 3);
    assert.equal(cluster.requests(OffsetFetch)[0]?.body.requireStable, version >= 7);
  });
}

for (const version of from(FindCoordinator.versions)) {
  test(`FindCoordinator v${version}: the store finds its coordinator`, async t => {
    const { cluster, store } = await storeSetting(t, { brokers: 3, client: { apiVersions: { FindCoordinator: version } } });
    cluster.moveCoordinator(3, 'billing');
    await store.commit('billing', [{ ...(places[0] ?? assert.fail()), offset: 5 }]);
    assert.deepEqual((await store.fetch('billing', places.slice(0, 1)))[0]?.offset, 5);
    assert.deepEqual(
      cluster.requests(FindCoordinator).map(request => request.version),
      [version],
    );
    assert.equal(cluster.requests(OffsetCommit)[0]?.broker, 3);
  });
}

for (const code of ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS'] as const) {
  test(`${code} passes: commit and fetch are tried again`, async t => {
    const { cluster, store } = await storeSetting(t);
    cluster.on(OffsetCommit).failTimes(2, code);
    cluster.on(OffsetFetch).failTimes(2, code);
    await store.commit('billing', [{ topic: 'orders', partition: 0, offset: 5 }]);
    assert.equal((await store.fetch('billing', places.slice(2)))[0]?.offset, 5);
    assert.deepEqual([cluster.requests(OffsetCommit).length, cluster.requests(OffsetFetch).length], [3, 3]);
  });

  test(`${code} that does not pass is thrown after the last attempt`, async t => {
    const { cluster, store } = await storeSetting(t);
    cluster.on(OffsetCommit).failTimes(1000, code);
    cluster.on(OffsetFetch).failTimes(1000, code);
    assert.equal((await rejection(store.commit('billing', [{ topic: 'orders', partition: 0, offset: 5 }]))).code, code);
    assert.equal((await rejection(store.fetch('billing', places))).code, code);
    assert.deepEqual([cluster.requests(OffsetCommit).length, cluster.requests(OffsetFetch).length], [5, 5]);
  });
}

test('an answer that was lost: the same offsets are committed again', async t => {
  const { cluster, store } = await storeSetting(t);
  cluster.on(OffsetCommit).dropAnswer();
  await store.commit('billing', [{ topic: 'orders', partition: 0, offset: 5 }]);
  assert.equal(cluster.requests(OffsetCommit).length, 2);
  assert.equal(cluster.committed('billing').get('orders/0')?.offset, 5);
});

test('a partition that the answer leaves out counts as refused, not as stored', async t => {
  const { cluster, store } = await storeSetting(t);
  cluster.on(OffsetCommit).answer(() => ({ topics: [] }));
  const error = await rejection(store.commit('billing', [{ topic: 'orders', partition: 0, offset: 5 }]));
  assert.ok(error instanceof PartialError);
  assert.deepEqual([error.code, error.persistence], ['UNKNOWN_SERVER_ERROR', 'maybe']);
});

test('a partition that the answer to a look leaves out is an error: it does not say that nothing is stored', async t => {
  const { cluster, store } = await storeSetting(t);
  await store.commit('billing', [{ topic: 'orders', partition: 0, offset: 5 }]);
  for (const leaveOut of ['partition', 'topic'] as const) {
    cluster.on(OffsetFetch).answer(async (_, proceed) => {
      const answer = await proceed();
      const groups = Array.from(answer?.groups ?? [], group => ({
        ...group,
        topics: leaveOut === 'topic' ? [] : Array.from(group.topics ?? [], topic => ({ ...topic, partitions: [] })),
      }));
      return { ...answer, groups };
    });
    const error = await rejection(store.fetch('billing', [{ topic: 'orders', partition: 0 }]));
    assert.match(error.message, /group "billing" for orders\/0: .*the answer leaves the partition out/);
  }
});

test('what one attempt left in doubt stays in doubt, and its error keeps its class', async t => {
  const { cluster, client, store } = await storeSetting(t);
  const [offset] = [{ topic: 'orders', partition: 0, offset: 5 }];
  const coordinator = client.offsetCoordinator({ groupId: 'billing' });
  const calls: Record<string, () => Promise<unknown>> = {
    store: () => store.commit('billing', [offset]),
    coordinator: () => coordinator.commit('orders', 0, 5),
    list: () =>
      client.send.commit('billing', [offset], { failOnError: false }).then(([outcome]) => Promise.reject(outcome?.ok || outcome?.error)),
  };
  for (const [name, call] of Object.entries(calls)) {
    cluster.on(OffsetCommit).dropAnswer().failOnce('TOPIC_AUTHORIZATION_FAILED');
    const refused = await rejection(call());
    const kind = name === 'store' ? 'PartialError' : 'BrokerError';
    assert.deepEqual([refused.name, refused.code, refused.persistence], [kind, 'TOPIC_AUTHORIZATION_FAILED', 'maybe'], name);
    cluster.on(OffsetCommit).dropAnswer().failOnce('UNKNOWN_MEMBER_ID');
    const inUse = await rejection(call());
    assert.deepEqual([inUse.name, inUse.code, inUse.persistence], ['StateError', 'TIDE_GROUP_IN_USE', 'maybe'], name);
  }
});

test('a commit that never left is not in doubt', async t => {
  const { cluster, client, store } = await storeSetting(t);
  const offset = { topic: 'orders', partition: 0, offset: 5 };
  await store.commit('billing', [offset]);
  cluster.on(ListOffsets).answer(async (_, proceed) => ({ topics: [], ...(await proceed()), throttleTimeMs: 600_000 }));
  await client.offsets.latest('orders', 0);
  const error = await rejection(store.commit('billing', [{ ...offset, offset: 6 }], { policy: { ...quick, attempts: 1 }, timeoutMs: 50 }));
  assert.deepEqual([error.code, error.persistence], ['TIDE_TIMEOUT', 'no']);
  assert.equal(cluster.requests(OffsetCommit).length, 1);
});

test('a deadline holds while topics are described and the coordinator is looked for', async t => {
  const { cluster, core, store } = await storeSetting(t, { client: { requestTimeoutMs: 600_000 } });
  const offset = { topic: 'orders', partition: 0, offset: 5 };
  for (const api of [Metadata, FindCoordinator]) {
    const hold = cluster.on(api).hold();
    const error = await rejection(store.commit('billing', [offset], { deadline: core.cluster.deadline(50) }));
    assert.deepEqual([error.code, error.persistence], ['TIDE_TIMEOUT', 'no']);
    await hold.held;
    hold.release();
    if (api === Metadata) await core.cluster.topics(['orders']);
  }
  await store.commit('billing', [offset], { deadline: core.cluster.deadline(60_000) });
});

test('live members: TIDE_GROUP_IN_USE, which says what to do, and no second attempt', async t => {
  const { cluster, store } = await storeSetting(t);
  cluster.on(OffsetCommit).failTimes(1000, 'UNKNOWN_MEMBER_ID');
  const error = await rejection(store.commit('billing', [{ topic: 'orders', partition: 0, offset: 5 }]));
  assert.ok(error instanceof StateError);
  assert.deepEqual([error.code, error.errno, error.retriable], ['TIDE_GROUP_IN_USE', 25, false]);
  assert.match(error.message, /the group has live members, and only they may commit; use another group id or stop them/);
  assert.equal(cluster.requests(OffsetCommit).length, 1);
});

test('nothing to fetch: nothing is sent', async t => {
  const { cluster, store } = await storeSetting(t);
  assert.deepEqual(await store.fetch('billing', []), []);
  assert.deepEqual(cluster.requests(), []);
});

test('a topic that does not exist has no offset, and none can be committed', async t => {
  const { store } = await storeSetting(t);
  assert.deepEqual(await store.fetch('billing', [{ topic: 'nowhere', partition: 0 }]), [undefined]);
  const error = await rejection(store.commit('billing', [{ topic: 'nowhere', partition: 0, offset: 1 }]));
  assert.ok(error instanceof PartialError);
  assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
});

test('a topic that was deleted and made anew: its id is asked for again, and an offset of the old one is not stored for the new', async t => {
  const { cluster, store } = await storeSetting(t);
  const place = { topic: 'orders', partition: 0 };
  await store.commit('billing', [{ ...place, offset: 500 }]);
  const anew = () => {
    cluster.deleteTopic('orders');
    cluster.createTopic('orders', 2);
  };
  anew();
  assert.deepEqual(await store.fetch('billing', [place]), [undefined]);
  anew();
  const error = await rejection(store.commit('billing', [{ ...place, offset: 501 }]));
  assert.equal(error.code, 'UNKNOWN_TOPIC_ID');
  assert.deepEqual([...cluster.committed('billing')], []);
  await store.commit('billing', [{ ...place, offset: 1 }]);
  assert.equal((await store.fetch('billing', [place]))[0]?.offset, 1);
});

/** Every version of an API that both this client and a real broker have. */
async function common(
  client: KafkaClient,
  { key, versions: [first, last] }: typeof OffsetCommit | typeof OffsetFetch | typeof FindCoordinator,
) {
  const { apiKeys } = await client.request(ApiVersions, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
  const theirs = apiKeys.find(({ apiKey }) => apiKey === key) ?? assert.fail();
  return from([Math.max(first, theirs.minVersion), Math.min(last, theirs.maxVersion)]);
}

const clientOf = (t: { after(act: () => unknown): void }, kafka: KafkaHandle, apiVersions: Record<string, number> = {}) => {
  const client = new KafkaClient({ brokers: kafka.bootstrap, apiVersions });
  t.after(() => client.close());
  return client;
};

for (const version of ['4.3.1', '4.1.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'offsets and metadata round trip in every version of OffsetCommit, OffsetFetch and FindCoordinator',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: 2 });
      const [written, nothing] = [0, 1].map(partition => ({ topic, partition })) as [
        { topic: string; partition: number },
        { topic: string; partition: number },
      ];
      const client = clientOf(t, kafka);
      const [commits, fetches, lookups] = [
        await common(client, OffsetCommit),
        await common(client, OffsetFetch),
        await common(client, FindCoordinator),
      ];
      t.diagnostic(`OffsetCommit ${commits}, OffsetFetch ${fetches}, FindCoordinator ${lookups}`);
      const combinations = [
        ...commits.map(pinned => ({ OffsetCommit: pinned })),
        ...fetches.map(pinned => ({ OffsetFetch: pinned })),
        ...lookups.map(pinned => ({ FindCoordinator: pinned })),
      ];
      for (const [i, apiVersions] of combinations.entries()) {
        const pinned = clientOf(t, kafka, apiVersions);
        const store = new OffsetStore(coreOf(pinned));
        const groupId = uniqueName('billing');
        const label = JSON.stringify(apiVersions);
        assert.deepEqual(await store.fetch(groupId, [written, nothing]), [undefined, undefined], label);
        await store.commit(groupId, [{ ...written, offset: 2 ** 40 + i, metadata: `${note} ${i}` }]);
        const [stored, none] = await store.fetch(groupId, [written, nothing]);
        assert.deepEqual([stored?.offset, stored?.metadata, none], [2 ** 40 + i, `${note} ${i}`, undefined], label);
        await pinned.close();
      }
    },
    { version },
  );
}

for (const version of ['4.1.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'a group with a live member refuses to be committed for: TIDE_GROUP_IN_USE, until the member is gone',
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      const groupId = uniqueName('in-use');
      await kcatProduce({ bootstrap: kafka.bootstrap, topic }, ['tea']);
      const args = ['-b', kafka.bootstrapText, '-X', 'auto.offset.reset=earliest', '-u', '-G', groupId, topic];
      const member = GuardedProcess.start(findProgram('kcat') ?? assert.fail(), args);
      t.after(() => member.kill());
      await member.untilOutput(/tea/); // it was given the partition
      const client = clientOf(t, kafka);
      const coordinator = client.offsetCoordinator({ groupId });
      const consumer = new SimpleConsumer(client, { topic, groupId, autoCommit: false, startOffset: 'earliest' });
      const [message] = await consumer.getMessages(1, { timeoutMs: 10_000 });
      assert.ok(message);
      consumer.mark(message);
      const place = { topic, partition: 0 };
      for (const commit of [
        () => coordinator.commit(topic, 0, 1),
        () => coordinator.commitMany([{ ...place, offset: 1 }]),
        () => new OffsetStore(coreOf(client)).commit(groupId, [{ ...place, offset: 1 }]),
        () => consumer.commit(),
        () => consumer.commit([message]),
      ]) {
        const error = await rejection(commit());
        assert.ok(error instanceof StateError);
        assert.deepEqual([error.code, error.errno], ['TIDE_GROUP_IN_USE', 25]);
        assert.match(error.message, new RegExp(`${topic}/0 at 1 for group "${groupId}": the group has live members`));
      }
      await member.stop();
      const before = await coordinator.offset(topic, 0);
      await coordinator.commit(topic, 0, 7, { metadata: 'ours' });
      assert.deepEqual((await coordinator.offset(topic, 0))?.metadata, 'ours');
      assert.equal(await consumer.commit(), true, 'what is done is still to be stored');
      assert.equal((await coordinator.offset(topic, 0))?.offset, 1);
      assert.ok(before === undefined || before.offset <= 1, 'nothing of the refused ones was stored');
    },
    { version, kcat: true },
  );
}
