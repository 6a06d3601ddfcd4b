import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { RequestTrace } from '../../src/base/diagnostics.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { ClassicMembership, type MembershipEvents, SubscribedTopics } from '../../src/group/index.js';
import { type KafkaHandle, type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { byName } from './by-name.js';
import { until, Watched } from './watched.js';

/** Static members of one group of two partitions; nothing here happens because a session is over. */
async function setting(t: TestContext, kafka: KafkaHandle) {
  const topic = await kafka.createTopic({ partitions: 2 });
  const groupId = uniqueName('group');
  return (groupInstanceId: string, own: Partial<MembershipEvents> = {}) => {
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    const core = coreOf(client);
    const times = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000, heartbeatMs: 100 };
    const settings = { groupId, groupInstanceId, ...times, assignors: [byName], rackId: undefined };
    const watched = new Watched(
      events => new ClassicMembership(core, settings, new SubscribedTopics(core.cluster, [topic]), { ...events, ...own }),
    );
    t.after(async () => {
      await watched.membership.close(100);
      await client.close({ timeoutMs: 1000 });
    });
    watched.membership.start();
    return {
      ...watched,
      generation: () => watched.membership.standing?.generationId,
      kill: () => client.close({ timeoutMs: 0 }).catch(() => {}),
    };
  };
}

for (const version of ['4.1.2', '2.8.2'] satisfies KafkaVersion[]) {
  kafkaTest(
    'a static leader that is killed when it has given something up, and is back, sees that nobody has it',
    async (t, kafka) => {
      const member = await setting(t, kafka);
      const giving = new EventTarget();
      const isGiving = once(giving, 'now');
      const revoked = () => {
        giving.dispatchEvent(new Event('now'));
        return new Promise<void>(() => {});
      };
      const b = member('b', { revoked });
      await until('b leads', () => b.owned.size === 2);
      const c = member('c');
      await isGiving;
      await b.kill();
      const again = member('b');
      await until('c has what b gave up', () => c.owned.size === 1 && again.owned.size === 1);
    },
    { version },
  );

  kafkaTest(
    'a static leader that comes again where all is divided changes nothing',
    async (t, kafka) => {
      const member = await setting(t, kafka);
      const b = member('b');
      await until('b leads', () => b.owned.size === 2);
      const a = member('a');
      await until('both have a share', () => a.owned.size === 1 && b.owned.size === 1 && a.generation() === b.generation());
      const before = a.generation();
      await b.kill();
      const asked: string[] = [];
      const trace = (message: unknown) => void asked.push((message as RequestTrace).api);
      subscribe('tidemark:request', trace);
      t.after(() => unsubscribe('tidemark:request', trace));
      const again = member('b');
      await until('it is back, and has looked', () => again.owned.size === 1 && asked.includes('DescribeGroups'));
      const count = asked.length;
      await until('time has passed', () => asked.slice(count).filter(api => api === 'Heartbeat').length > 20);
      assert.deepEqual([a.generation(), again.generation()], [before, before]);
    },
    { version },
  );
}
