import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import type { RequestTrace } from '../../src/base/diagnostics.js';
import { KafkaError } from '../../src/base/errors.js';
import { deferred } from '../../src/base/wait.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ClassicRequests } from '../../src/group/classic-requests.js';
import { encodeSubscription } from '../../src/group/consumer-protocol.js';
import { assignors, ClassicMembership, SubscribedTopics } from '../../src/group/index.js';
import { JoinGroup, SyncGroup } from '../../src/protocol/index.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { clientOf, isDivided, until, Watched } from './watched.js';

/** Far longer than a test may take: nobody is waited for so long. */
const times = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 300_000, heartbeatMs: 50 };

function member(client: KafkaClient, groupId: string, topic: string): Watched {
  const core = coreOf(client);
  const range = assignors.get('range') ?? assert.fail();
  const settings = { groupId, groupInstanceId: undefined, ...times, assignors: [range], rackId: undefined };
  return new Watched(events => new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, [topic]), events));
}

/** Two members of a group, the second of which waits for its assignment: the leader's decision is on its way, until `release` is called. */
async function waiting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 4 } });
  t.after(() => cluster.close());
  const join = () => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close());
    const one = member(client, 'billing', 'orders');
    t.after(() => one.membership.close(1000));
    one.membership.start();
    return one;
  };
  const first = join();
  await until('alone', () => first.owned.size === 4);
  const leader = first.membership.standing?.memberId;
  const gate = deferred();
  const decision = deferred();
  cluster
    .on(SyncGroup, ({ body }) => body.memberId === leader)
    .answer(async (_, proceed) => {
      decision.resolve();
      await gate.promise;
      return proceed();
    });
  const asked = cluster.nextRequest(SyncGroup, ({ body }) => body.memberId !== leader);
  const second = join();
  const memberId = (await asked).body.memberId;
  await decision.promise;
  assert.equal(cluster.groupState('billing'), 'CompletingRebalance');
  return { cluster, first, second, memberId, release: () => gate.resolve() };
}

test('a member that is taken out while it waits for its assignment learns of it, and joins anew', async t => {
  const { cluster, first, second, memberId, release } = await waiting(t);
  const anew = cluster.nextRequest(JoinGroup, ({ body }) => body.memberId === '');
  cluster.expireMember('billing', memberId);
  await anew;
  release();
  await until('both', () => isDivided([first, second], 4) && second.owned.size === 2);
});

test('a member that leaves while it waits for its assignment, and comes back, does not wait for that one', async t => {
  const { first, second, release } = await waiting(t);
  await second.membership.leave(new KafkaError('TIDE_STATE', 'it goes'));
  second.membership.start();
  release();
  await until('both', () => isDivided([first, second], 4) && second.owned.size === 2);
});

/** Whether it is to be tried again: not yet. */
const waitOr =
  (codes: readonly string[]) =>
  async (error: unknown): Promise<false> => {
    if (!(error instanceof KafkaError && (error.retriable || codes.includes(error.code)))) throw error;
    await new Promise(resolve => setTimeout(resolve, 20));
    return false;
  };

for (const version of ['4.1.2', '2.8.2', '1.1.1'] satisfies KafkaVersion[])
  kafkaTest(
    'a member that is taken out while it waits for its assignment has everything when it is alone',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: 4 });
      const groupId = uniqueName('group');
      const { signal } = new AbortController();
      // A leader that decides nothing.
      const client = clientOf(t, kafka);
      const leader = new ClassicRequests(coreOf(client), { groupId, groupInstanceId: undefined, ...times });
      let leaderId = '';
      const joinAsLeader = () =>
        leader.join(
          leaderId,
          [{ name: 'range', metadata: encodeSubscription({ topics: [topic], ownedPartitions: [], generationId: -1 }) }],
          'a test',
          signal,
          id => {
            leaderId = id;
          },
        );
      // With the id that it was given; and once there is a coordinator.
      for (let isIn = false; !isIn; )
        isIn = await joinAsLeader().then(() => true, waitOr(['MEMBER_ID_REQUIRED', 'COORDINATOR_NOT_AVAILABLE']));
      const one = member(clientOf(t, kafka), groupId, topic);
      t.after(() => one.membership.close(1000));
      let heartbeats = 0;
      const beat = (trace: unknown) => {
        if ((trace as RequestTrace).api === 'Heartbeat') heartbeats += 1;
      };
      subscribe('tidemark:request', beat);
      t.after(() => unsubscribe('tidemark:request', beat));
      one.membership.start();
      let { members = [] } = await joinAsLeader();
      for (; members.length < 2; { members = [] } = await joinAsLeader()) await new Promise(resolve => setTimeout(resolve, 20));
      const id = members.map(({ memberId }) => memberId).find(memberId => memberId !== leaderId) ?? assert.fail();
      const before = heartbeats;
      await until('it waits', () => heartbeats > before + 1);
      await leader.leave(id, 'a test', 5000);
      await leader.leave(leaderId, 'a test', 5000);
      await until('all', () => one.owned.size === 4);
      leader.close();
    },
    { version },
  );
