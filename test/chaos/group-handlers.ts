import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer, type KafkaConsumerOptions, KeyedProducer, type Message } from '../../src/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import type { MainJobOptions } from '../interop/main-job.js';
import { type KafkaHandle, uniqueName } from '../kafka/handle.js';
import { configureGroup, type GroupProtocol, viewGroup } from './group-view.js';

/** What a handler may take. */
export interface SlowHandlerOptions extends MainJobOptions {
  readonly sessionTimeoutMs: number;
  /** For each message; more than the session. */
  readonly handlerMs: number;
  readonly messageCount: number;
}

/**
 * A handler that awaits for longer than a session with each message.
 * @throws AssertionError unless its member stays one throughout, in the same generation, and commits what is done.
 */
export async function slowHandler(
  kafka: KafkaHandle,
  protocol: GroupProtocol,
  { sessionTimeoutMs, handlerMs, messageCount, say = () => {} }: SlowHandlerOptions,
): Promise<void> {
  await using ground = await soloGround(kafka, protocol, messageCount, sessionTimeoutMs);
  const { client, consumer, topic, groupId } = ground;
  const said: string[] = [];
  let generationId = -1;
  consumer.on('lost', () => said.push('lost')).on('revoked', () => said.push('revoked'));
  consumer.on('rebalance', rebalance => {
    said.push('rebalance');
    generationId = rebalance.generationId;
  });
  const view = async () => {
    const { state, members } = await viewGroup(client, groupId, protocol, topic);
    return { state: state.toLowerCase(), members: members.map(({ memberId, partitions }) => ({ memberId, partitions })) };
  };
  let [count, before] = [0, undefined as Awaited<ReturnType<typeof view>> | undefined];
  for await (const { offset } of consumer) {
    assert.equal(offset, count++);
    before ??= await view();
    await delay(handlerMs);
    assert.deepEqual(await view(), before);
    if (count === messageCount) break;
  }
  assert.deepEqual([before?.state, before?.members.length, said], ['stable', 1, ['rebalance']]);
  await consumer.close();
  assert.equal(await ground.committed(), messageCount - 1, 'the last one was left');
  say(
    `${messageCount} messages of ${handlerMs} ms each with a session of ${sessionTimeoutMs} ms: one member in generation ${generationId} throughout, nothing lost, each message once`,
  );
}

/**
 * A handler takes longer than `maxPollIntervalMs`.
 * @throws AssertionError unless its member leaves at once, says why, refuses its mark, commits nothing, and gets the message again when it reads on.
 */
export async function tooSlowHandler(kafka: KafkaHandle, protocol: GroupProtocol, { say = () => {} }: MainJobOptions = {}): Promise<void> {
  const sessionTimeoutMs = 60_000;
  const options: KafkaConsumerOptions = { maxPollIntervalMs: 4000, marking: 'explicit' };
  await using ground = await soloGround(kafka, protocol, 2, sessionTimeoutMs, options);
  const { client, consumer, topic, groupId } = ground;
  const lost = new Promise<Error>(resolve => consumer.once('lost', ({ error }) => resolve(error)));
  const read = async (): Promise<Message> => (await consumer.getMessages(1, { timeoutMs: null }))[0] ?? assert.fail('nothing came');
  const late = await read();
  const { message } = await lost;
  assert.match(message, /nobody has asked for more within 4000 ms \(maxPollIntervalMs\)/);
  const gone = async (): Promise<boolean> => (await viewGroup(client, groupId, protocol, topic)).members.length === 0;
  while (!(await gone())) await delay(50); // the test's own time is less than a session
  assert.throws(() => consumer.mark(late), { code: 'TIDE_PARTITION_LOST' });
  assert.equal(await ground.committed(), 0);
  const again = await read();
  assert.equal(again.offset, late.offset);
  consumer.mark(again);
  await consumer.commit();
  await consumer.close();
  assert.equal(await ground.committed(), 1);
  say(
    'a member whose reader was away for longer than maxPollIntervalMs has left, said so, refused the late mark, and was given the message again',
  );
}

/** A topic of one partition, and a group with one member, all of this process. */
async function soloGround(
  kafka: KafkaHandle,
  groupProtocol: GroupProtocol,
  messageCount: number,
  sessionTimeoutMs: number,
  options: KafkaConsumerOptions = {},
) {
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic();
  const groupId = uniqueName('handler');
  const heartbeatMs = Math.floor(sessionTimeoutMs / 8);
  if (groupProtocol === 'consumer') await configureGroup(client, groupId, { 'consumer.session.timeout.ms': sessionTimeoutMs });
  await new KeyedProducer(client).sendMany(Array.from({ length: messageCount }, (_, i) => ({ topic, key: 'one', value: `${i}` })));
  const given = { topics: [topic], groupId, groupProtocol, sessionTimeoutMs, heartbeatMs, ...options };
  const consumer = new KafkaConsumer(client, protocolOptions(given));
  const committed = async () => (await client.offsetCoordinator({ groupId }).offsets([{ topic, partition: 0 }]))[0]?.offset ?? 0;
  return { client, consumer, topic, groupId, committed, [Symbol.asyncDispose]: () => client.close() };
}
