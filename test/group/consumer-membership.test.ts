import assert from 'node:assert/strict';
import { coreOf, type KafkaClient } from '../../src/client/client.js';
import { ConsumerMembership, SubscribedTopics } from '../../src/group/index.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { clientOf, isDivided, until, Watched } from './watched.js';

function member(client: KafkaClient, groupId: string, topics: readonly string[], re2?: string, groupInstanceId?: string): Watched {
  const core = coreOf(client);
  const settings = { groupId, groupInstanceId, rebalanceTimeoutMs: 20_000, serverAssignor: undefined, rackId: undefined };
  const pattern = re2 === undefined ? undefined : { re2 };
  return new Watched(events => new ConsumerMembership(core, settings, new SubscribedTopics(core.cluster, topics), () => pattern, events));
}

for (const version of ['4.3.1', '4.1.2'] satisfies KafkaVersion[]) {
  for (const kind of ['names', 'a pattern'] as const) {
    kafkaTest(
      `members of the new protocol come and go, subscribed by ${kind}: every partition is with one of them`,
      async (t, kafka) => {
        const topic = await kafka.createTopic({ partitions: 6 });
        const groupId = uniqueName('group');
        const members: Watched[] = [];
        const join = (): Watched => {
          const newcomer = member(clientOf(t, kafka), groupId, [topic], kind === 'names' ? undefined : `${topic}.*`);
          members.push(newcomer);
          newcomer.membership.start();
          return newcomer;
        };
        const first = join();
        await until('alone', () => first.owned.size === 6);
        const second = join();
        await until('two', () => isDivided(members, 6) && second.owned.size === 3);
        await first.membership.close(5000);
        assert.equal(first.owned.size, 0);
        await until('alone again', () => second.owned.size === 6);
        await second.membership.close(5000);
        for (const { said } of members) t.diagnostic(said.join(', '));
      },
      { version },
    );
  }
}

kafkaTest(
  'a member of the new protocol is refused by a broker that does not have it, and says what it needs',
  async (t, kafka) => {
    const only = member(clientOf(t, kafka), uniqueName('group'), [await kafka.createTopic()]);
    only.membership.start();
    await until('refused', () => only.said.length > 0);
    assert.deepEqual(only.said, ['TIDE_UNSUPPORTED']);
  },
  { version: '3.9.2' },
);
