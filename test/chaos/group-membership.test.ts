import assert from 'node:assert/strict';
import { KafkaClient, KafkaConsumer, KeyedProducer } from '../../src/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import { slowHandler, tooSlowHandler } from './group-handlers.js';
import { blockedLoop, type Restart, staticRestarts, takenOver } from './group-restarts.js';

const leaves: Restart = { at: 0, ending: 'leave' };
/** By the new protocol the brokers take one in its place when its session is over, not before. */
const isKilled: Restart = { at: 1, ending: 'kill' };

for (const protocol of ['classic', 'consumer'] as const) {
  kafkaTest(`a static member that is started again has what it had, and nobody hears of it: ${protocol}`, async (t, kafka) =>
    staticRestarts(kafka, protocol, protocol === 'classic' ? [leaves, isKilled] : [leaves], { say: line => t.diagnostic(line) }),
  );

  kafkaTest(`a member that is ended in good order has left with it, and another goes on where it ended: ${protocol}`, async (t, kafka) =>
    takenOver(kafka, protocol, { say: line => t.diagnostic(line) }),
  );

  kafkaTest(
    `a member whose event loop stands still for too long commits nothing any more, and is one again: ${protocol}`,
    async (t, kafka) => blockedLoop(kafka, protocol, { sessionTimeoutMs: 3000, say: line => t.diagnostic(line) }),
  );

  kafkaTest(`a handler that awaits for longer than a session keeps its membership: ${protocol}`, async (t, kafka) =>
    slowHandler(kafka, protocol, { sessionTimeoutMs: 4000, handlerMs: 9000, messageCount: 1, say: line => t.diagnostic(line) }),
  );

  kafkaTest(
    `a handler that takes longer than maxPollIntervalMs makes its member leave; its mark is refused: ${protocol}`,
    async (t, kafka) => tooSlowHandler(kafka, protocol, { say: line => t.diagnostic(line) }),
    { timeoutMs: 55_000 },
  );
}

kafkaTest('by the new protocol the name of a static member that has not left is refused', async (t, kafka) => {
  const topic = await kafka.createTopic();
  const groupId = uniqueName('group');
  const member = () => {
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close());
    return new KafkaConsumer(client, { topics: topic, groupId, groupProtocol: 'consumer', groupInstanceId: 'one' });
  };
  const producing = new KafkaClient({ brokers: kafka.bootstrap });
  t.after(() => producing.close());
  await new KeyedProducer(producing).sendMessages(topic, 'key', 'value');
  const [first, second] = [member(), member()];
  assert.equal((await first.getMessages(1, { timeoutMs: null })).length, 1);
  await assert.rejects(second.getMessages(1, { timeoutMs: null }), { code: 'UNRELEASED_INSTANCE_ID' });
  await first.close();
  assert.equal((await second.getMessages(1, { timeoutMs: null })).length, 1, 'it was not committed');
});
