import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { brokerError, errorNumbers } from '../../src/base/broker-errors.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ConsumerMembership, SubscribedTopics } from '../../src/group/index.js';
import { ConsumerGroupHeartbeat } from '../../src/protocol/index.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { clientOf, isDivided, until, Watched } from './watched.js';

/** A broker that has just started says that. */
const passing: readonly number[] = [
  errorNumbers.COORDINATOR_LOAD_IN_PROGRESS,
  errorNumbers.COORDINATOR_NOT_AVAILABLE,
  errorNumbers.NOT_COORDINATOR,
];

for (const version of ['4.3.1', '4.1.2'] satisfies KafkaVersion[])
  kafkaTest(
    'whom the group has in another epoch may have to leave before it can begin anew',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: 2 });
      const groupId = uniqueName('group');
      const core = coreOf(clientOf(t, kafka));
      const { topics } = await core.cluster.topics([topic]);
      const topicId = topics.get(topic)?.id ?? assert.fail();
      const beat = (memberId: string, memberEpoch: number, instanceId: string | null, partitions: readonly number[]) => {
        const topicPartitions = partitions.length === 0 ? [] : [{ topicId, partitions }];
        const joins = { rebalanceTimeoutMs: 20_000, subscribedTopicNames: [topic], topicPartitions };
        const body = { groupId, memberId, memberEpoch, instanceId, ...(memberEpoch < 0 ? {} : joins) };
        return core.coordinators.request('group', groupId, ConsumerGroupHeartbeat, body, answer => {
          if (passing.includes(answer.errorCode)) throw brokerError(answer.errorCode, 'heartbeat');
          return answer;
        });
      };
      const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
      for (const instanceId of [null, 'first']) {
        let epoch = 0;
        let has: readonly number[] = [];
        const settle = async (count: number) => {
          for (let answers = 0; answers < 200; answers++) {
            const { errorCode, memberEpoch, assignment } = await beat(one, epoch, instanceId, has);
            assert.equal(errorCode, 0);
            const isNew = memberEpoch > epoch;
            epoch = memberEpoch;
            has = assignment?.topicPartitions.flatMap(({ partitions }) => partitions) ?? has;
            if (has.length === count && isNew) return;
            await new Promise(resolve => setTimeout(resolve, 20));
          }
          assert.fail('the group has not come to rest');
        };
        await settle(2);
        await beat(other, 0, null, []);
        await settle(1);
        await beat(other, -1, null, []);
        await settle(2);
        const anew = (await beat(one, 0, instanceId, [])).errorCode;
        if (instanceId !== null) assert.equal(anew, errorNumbers.UNRELEASED_INSTANCE_ID);
        else assert.equal(anew, version === '4.1.2' ? errorNumbers.FENCED_MEMBER_EPOCH : 0);
        assert.equal((await beat(one, instanceId === null ? -1 : -2, instanceId, [])).errorCode, 0);
        assert.equal((await beat(one, 0, instanceId, [])).errorCode, 0);
        assert.equal((await beat(one, -1, instanceId, [])).errorCode, 0);
      }
    },
    { version },
  );

for (const groupInstanceId of [undefined, 'first'])
  test(`a member that the group has in another epoch leaves, and begins anew (${groupInstanceId ?? 'no'} instance)`, async t => {
    const { cluster, join } = await setting(t);
    const one = join(groupInstanceId);
    await until('alone', () => one.owned.size === 4);
    const other = join();
    await until('two', () => isDivided([one, other], 4) && other.owned.size === 2);
    cluster.on(ConsumerGroupHeartbeat, ({ body }) => body.memberId === one.membership.standing?.memberId).failOnce('FENCED_MEMBER_EPOCH');
    await until('it has lost', () => one.said.includes('lost 2'));
    await until('two again', () => isDivided([one, other], 4) && one.owned.size === 2);
    assert.ok(!one.said.includes('UNRELEASED_INSTANCE_ID'));
  });

/** Members of one group of four partitions, whose sessions do not end while a test runs. */
async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({
    topics: { orders: 4 },
    consumerHeartbeatIntervalMs: 20,
    consumerSessionTimeoutMs: 600_000,
  });
  t.after(() => cluster.close());
  const join = (groupInstanceId?: string): Watched => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close());
    const core = coreOf(client);
    const settings = { groupId: 'billing', groupInstanceId, rebalanceTimeoutMs: 20_000, serverAssignor: undefined, rackId: undefined };
    const topics = new SubscribedTopics(core.cluster, ['orders']);
    const one = new Watched(events => new ConsumerMembership(core, settings, topics, () => undefined, events));
    t.after(() => one.membership.close(1000));
    one.membership.start();
    return one;
  };
  return { cluster, join };
}
