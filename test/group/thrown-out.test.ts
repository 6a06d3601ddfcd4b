import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../src/base/wait.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { type Assignor, ClassicMembership, SubscribedTopics } from '../../src/group/index.js';
import { Heartbeat } from '../../src/protocol/index.js';
import { until, Watched } from './watched.js';

test('a member that is thrown out while it gives something up does not take what it was given with that', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2 } });
  const client = new KafkaClient({ brokers: cluster.brokers });
  let planned = 0;
  const plan: Assignor = {
    name: 'plan',
    protocol: 'cooperative',
    assign: members => new Map(members.map(({ memberId }) => [memberId, [{ topic: 'orders', partition: planned }]])),
  };
  const core = coreOf(client);
  const times = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, heartbeatMs: 20 };
  const settings = { groupId: 'billing', groupInstanceId: undefined, ...times, assignors: [plan], rackId: undefined };
  const [giving, given] = [deferred(), deferred()];
  const member: Watched = new Watched(events => {
    const revoked = async (partitions: Parameters<typeof events.revoked>[0]) => {
      giving.resolve();
      await given.promise;
      await events.revoked(partitions);
    };
    return new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, ['orders']), { ...events, revoked });
  });
  t.after(async () => {
    await member.membership.close(1000);
    await client.close({ timeoutMs: 1000 });
    await cluster.close();
  });
  member.membership.start();
  await until('it has the first', () => member.owned.has('orders/0') && member.rebalances.length === 1);
  planned = 1;
  cluster.rebalance('billing');
  await giving.promise;
  cluster.expireMember('billing', cluster.members('billing')[0]?.memberId ?? '');
  const beats = cluster.requests(Heartbeat).length;
  await until('it has been told', () => cluster.requests(Heartbeat).length > beats + 2); // one after the other, and the first may have been on its way
  given.resolve();
  await until('it has the second', () => member.rebalances.length === 2);
  assert.deepEqual(member.said, ['assigned 1', 'revoked 1', 'assigned 1']);
});
