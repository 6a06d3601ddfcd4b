import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { assignors, ClassicMembership, SubscribedTopics } from '../../src/group/index.js';
import { JoinGroup, SyncGroup } from '../../src/protocol/index.js';
import { isDivided, until, Watched } from './watched.js';

const PARTITIONS = 6;

test('the leader lets others that have something to give up hear of it, before it joins again: two generations for a newcomer', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: PARTITIONS } });
  t.after(() => cluster.close());
  const members: Watched[] = [];
  const join = (): Watched => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 3000, maxBackoffMs: 3000 } });
    t.after(() => client.close());
    const settings = {
      ...{ groupId: 'billing', groupInstanceId: undefined, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000, heartbeatMs: 20 },
      ...{ assignors: [assignors.get('cooperative-sticky') ?? assert.fail()], rackId: undefined },
    };
    const core = coreOf(client);
    const member = new Watched(events => new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, ['orders']), events));
    t.after(() => member.membership.close(1000));
    members.push(member);
    member.membership.start();
    return member;
  };
  const areEqual = (share: number): boolean => isDivided(members, PARTITIONS) && members.every(({ owned }) => owned.size === share);
  const leader = join();
  await until('alone', () => areEqual(PARTITIONS));
  const second = join();
  await until('two', () => areEqual(PARTITIONS / 2) && second.rebalances.length > 0);
  const before = leader.membership.standing?.generationId ?? 0;
  const own = second.membership.standing?.memberId;
  const held = cluster.on(JoinGroup, ({ body }) => body.memberId === own).hold();
  const synced = cluster.nextRequest(SyncGroup, ({ body }) => body.assignments.length > 0);
  join();
  await held.held;
  await synced; // everything is divided, and the second does not know that yet
  await until('the leader has given up its part', () => leader.owned.size === PARTITIONS / 3);
  held.release();
  await until(
    'three',
    () => areEqual(PARTITIONS / 3) && members.every(({ rebalances }) => rebalances.at(-1)?.partitions.length === PARTITIONS / 3),
  );
  assert.equal((leader.membership.standing?.generationId ?? 0) - before, 2);
});
