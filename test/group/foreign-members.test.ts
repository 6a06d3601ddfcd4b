import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ClassicRequests } from '../../src/group/classic-requests.js';
import { decodeAssignment } from '../../src/group/consumer-protocol.js';
import { ClassicMembership, rangeAssignor, SubscribedTopics } from '../../src/group/index.js';
import { until, Watched } from './watched.js';

test('a member whose subscription cannot be read is given nothing, and the leader says so; the others read on', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2 } });
  const client = new KafkaClient({ brokers: cluster.brokers });
  const core = coreOf(client);
  const times = { groupId: 'billing', groupInstanceId: undefined, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 };
  const settings = { ...times, heartbeatMs: 20, assignors: [rangeAssignor], rackId: undefined };
  const leader = new Watched(events => new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, ['orders']), events));
  const told: string[] = [];
  client.on('nonFatalError', ({ error }) => told.push(error.message));
  t.after(async () => {
    await leader.membership.close(1000);
    await client.close({ timeoutMs: 1000 });
    await cluster.close();
  });
  leader.membership.start();
  await until('it leads', () => leader.owned.size === 2);
  const other = new ClassicRequests(core, times);
  const { signal } = new AbortController();
  let memberId = '';
  const join = () =>
    other.join(memberId, [{ name: 'range', metadata: Buffer.from('nonsense') }], 'it comes', signal, id => {
      memberId = id;
    });
  const joined = await join().catch(join); // the first is told its id
  assert.deepEqual(decodeAssignment(await other.sync(joined, new Map(), signal)).partitions, []);
  await until('everything is with the leader again', () => leader.owned.size === 2 && leader.rebalances.length === 2);
  const line = told.find(each => each.includes('cannot be read')) ?? assert.fail(`${told}`);
  assert.ok(line.includes(`member "${memberId}" of the group subscribes in bytes that cannot be read, and is given nothing: `), line);
  other.close();
});
