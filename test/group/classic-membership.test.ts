import assert from 'node:assert/strict';
import { coreOf, type KafkaClient } from '../../src/client/client.js';
import { type Assignor, assignors, ClassicMembership, SubscribedTopics } from '../../src/group/index.js';
import { findProgram } from '../kafka/availability.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { GuardedProcess } from '../kafka/process.js';
import { clientOf, isDivided, until, Watched } from './watched.js';

const named = (name: string): Assignor => assignors.get(name) ?? assert.fail(name);

function member(client: KafkaClient, groupId: string, topics: readonly string[] | RegExp, way: string, groupInstanceId?: string): Watched {
  const core = coreOf(client);
  const times = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 20_000, heartbeatMs: 200 };
  const settings = { groupId, groupInstanceId, ...times, assignors: [named(way)], rackId: undefined };
  return new Watched(events => new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, topics), events));
}

for (const version of ['4.1.2', '2.8.2', '1.1.1'] satisfies KafkaVersion[]) {
  for (const way of ['range', 'roundrobin', 'sticky', 'cooperative-sticky']) {
    kafkaTest(
      `members come and go by ${way}: every partition is with one of them`,
      async (t, kafka) => {
        const topic = await kafka.createTopic({ partitions: 6 });
        const groupId = uniqueName('group');
        const members: Watched[] = [];
        const join = (client: KafkaClient): Watched => {
          const newcomer = member(client, groupId, [topic], way);
          members.push(newcomer);
          newcomer.membership.start();
          return newcomer;
        };
        const first = join(clientOf(t, kafka));
        await until('alone', () => first.owned.size === 6);
        const second = join(clientOf(t, kafka));
        await until('two', () => isDivided(members, 6) && second.owned.size === 3);
        const third = join(clientOf(t, kafka));
        await until('three', () => isDivided(members, 6) && third.owned.size === 2);
        assert.equal(first.membership.standing?.generationId, third.membership.standing?.generationId);
        await first.membership.close(5000);
        assert.equal(first.owned.size, 0);
        await until('two again', () => isDivided(members, 6) && second.owned.size === 3 && third.owned.size === 3);
        await Promise.all([second, third].map(({ membership }) => membership.close(5000)));
        const lost = members.map(({ said }) => said.filter(each => each.startsWith('lost')).length);
        assert.deepEqual(lost, [1, 1, 1], 'what was held at the end');
        for (const { said } of members) t.diagnostic(said.join(', '));
      },
      { version },
    );
  }
}

for (const way of ['range', 'roundrobin', 'cooperative-sticky']) {
  kafkaTest(
    `kcat and ours are members of one group by ${way}`,
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: 6 });
      const groupId = uniqueName('group');
      const ours = member(clientOf(t, kafka), groupId, [topic], way);
      ours.membership.start();
      await until('alone', () => ours.owned.size === 6);
      const args = ['-b', kafka.bootstrapText, '-X', `partition.assignment.strategy=${way}`, '-G', groupId, topic];
      const theirs = GuardedProcess.start(findProgram('kcat') ?? assert.fail(), args);
      t.after(() => theirs.kill());
      await until('both', () => ours.owned.size === 3 && ours.rebalances.at(-1)?.partitions.length === 3);
      await theirs.stop();
      await until('alone again', () => ours.owned.size === 6);
      await ours.membership.close(5000);
      t.diagnostic(ours.said.join(', '));
    },
    { kcat: true },
  );
}
