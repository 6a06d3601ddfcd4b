import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { type Assignor, ClassicMembership, type MembershipEvents, SubscribedTopics } from '../../src/group/index.js';
import { LeaveGroup } from '../../src/protocol/index.js';
import { until, Watched } from './watched.js';

const never = new Promise<void>(() => {});

/** Partition 0 goes to "b", who leads, partition 1 to "c", or to "a" as long as there is no "c"; nobody is given what another holds. */
const byName: Assignor = {
  name: 'by-name',
  protocol: 'cooperative',
  assign(members) {
    const named = (name: string) => members.find(({ groupInstanceId }) => groupInstanceId === name);
    const division = new Map<string, { topic: string; partition: number }[]>();
    const wanted = [named('b'), named('c') ?? named('a')];
    for (const [partition, member] of wanted.entries()) {
      const holder = members.find(({ ownedPartitions }) => ownedPartitions.some(each => each.partition === partition));
      if (member === undefined || (holder !== undefined && holder !== member)) continue;
      division.set(member.memberId, [...(division.get(member.memberId) ?? []), { topic: 'orders', partition }]);
    }
    return division;
  },
};

async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2 }, minSessionTimeoutMs: 100 });
  const member = (groupInstanceId: string, own: Partial<MembershipEvents> = {}) => {
    const client = new KafkaClient({ brokers: cluster.brokers });
    const core = coreOf(client);
    const times = { sessionTimeoutMs: 500, rebalanceTimeoutMs: 20_000, heartbeatMs: 20 };
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
  await until('b leads', () => b.owned.size === 1);
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
  await until('b leads', () => b.owned.size === 1);
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
