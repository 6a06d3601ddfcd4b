import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ClassicMembership, type MembershipEvents, SubscribedTopics } from '../../src/group/index.js';
import { DescribeGroups, Heartbeat, JoinGroup, LeaveGroup } from '../../src/protocol/index.js';
import { byName } from './by-name.js';
import { until, Watched } from './watched.js';

const never = new Promise<void>(() => {});

async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2 }, minSessionTimeoutMs: 100 });
  const member = (groupInstanceId: string, own: Partial<MembershipEvents> = {}, sessionTimeoutMs = 500) => {
    const client = new KafkaClient({ brokers: cluster.brokers, clientId: groupInstanceId, metadataMaxAgeMs: 50 });
    const core = coreOf(client);
    const times = { sessionTimeoutMs, rebalanceTimeoutMs: 20_000, heartbeatMs: 20 };
    const settings = { groupId: 'billing', groupInstanceId, ...times, assignors: [byName], rackId: undefined };
    const watched = new Watched(
      events => new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, ['orders']), { ...events, ...own }),
    );
    t.after(async () => {
      await watched.membership.close(100);
      await client.close({ timeoutMs: 1000 });
    });
    watched.membership.start();
    return { ...watched, client };
  };
  t.after(() => cluster.close());
  return { cluster, member };
}

test('a static member that was ended when it had given something up is not waited for by who gets that', async t => {
  const { cluster, member } = await setting(t);
  const b = member('b');
  await until('b leads', () => b.owned.size === 2);
  const [giving, given] = [new EventTarget(), new EventTarget()];
  const isGiving = once(giving, 'now');
  const a = member('a', {
    revoked: async () => {
      const isGiven = once(given, 'now');
      giving.dispatchEvent(new Event('now'));
      await isGiven;
    },
  });
  await until('a has the other', () => a.owned.size === 1);
  const c = member('c');
  await isGiving;
  const closed = a.membership.close(5000);
  given.dispatchEvent(new Event('now'));
  await closed;
  const [left] = cluster.requests(LeaveGroup);
  assert.equal(left?.body.members[0]?.groupInstanceId, 'a');
  await until('c has what a gave up', () => c.owned.size === 1);
});

test('what a static member gave up that was killed then, and is back, is divided: its leader looks after that', async t => {
  const { member } = await setting(t);
  const b = member('b');
  await until('b leads', () => b.owned.size === 2);
  const giving = new EventTarget();
  const isGiving = once(giving, 'now');
  const a = member('a', {
    revoked: () => {
      giving.dispatchEvent(new Event('now'));
      return never;
    },
  });
  await until('a has the other', () => a.owned.size === 1);
  const c = member('c');
  await isGiving;
  await a.client.close({ timeoutMs: 0 }).catch(() => {});
  member('a');
  await until('c has what a gave up', () => c.owned.size === 1);
});

/** The last version of JoinGroup by which a leader that comes again is not told that it leads, and the first by which it is (KIP-814). */
for (const version of [8, 9]) {
  /** Nothing here happens because a session is over. */
  const longMs = 30_000;

  test(`what a static leader gave up that was killed then, and is back, goes to who waits for it: JoinGroup v${version}`, async t => {
    const { cluster, member } = await setting(t);
    cluster.limitVersions(JoinGroup, version);
    const giving = new EventTarget();
    const isGiving = once(giving, 'now');
    const dying = {
      revoked: () => {
        giving.dispatchEvent(new Event('now'));
        return never;
      },
    };
    const b = member('b', dying, longMs);
    await until('b leads', () => b.owned.size === 2);
    const c = member('c', {}, longMs);
    await isGiving;
    await b.client.close({ timeoutMs: 0 }).catch(() => {});
    const again = member('b', {}, longMs);
    await until('c has what b gave up', () => c.owned.size === 1 && again.owned.size === 1);
  });

  test(`what came while a static leader was away is divided when it is back: JoinGroup v${version}`, async t => {
    const { cluster, member } = await setting(t);
    cluster.limitVersions(JoinGroup, version);
    const b = member('b', {}, longMs);
    await until('b leads', () => b.owned.size === 2);
    await b.client.close({ timeoutMs: 0 }).catch(() => {});
    cluster.deleteTopic('orders');
    cluster.createTopic('orders', 3);
    const again = member('b', {}, longMs);
    await until('b has all of them', () => again.owned.size === 3);
  });

  test(`a static leader that comes again changes nothing where all is divided, and leads on: JoinGroup v${version}`, async t => {
    const { cluster, member } = await setting(t);
    cluster.limitVersions(JoinGroup, version);
    const b = member('b', {}, longMs);
    await until('b leads', () => b.owned.size === 2);
    const a = member('a', {}, longMs);
    await until('both have a share', () => a.owned.size === 1 && b.rebalances.at(-1)?.partitions.length === 1);
    await b.client.close({ timeoutMs: 0 }).catch(() => {});
    const joins = () => cluster.requests(JoinGroup).length;
    const looks = () => cluster.requests(DescribeGroups).filter(({ clientId }) => clientId === 'b').length;
    const before = joins();
    const again = member('b', {}, longMs);
    await until('it has looked', () => looks() > 0);
    const beats = cluster.requests(Heartbeat).length;
    await until('time has passed', () => cluster.requests(Heartbeat).length > beats + 20);
    assert.deepEqual([again.owned.size, joins(), looks()], [1, before + 1, 1]);
    cluster.deleteTopic('orders');
    cluster.createTopic('orders', 3);
    await until('it has seen that', () => a.owned.size === 2);
  });
}
