import assert from 'node:assert/strict';
import {
  Admin,
  BrokerError,
  InputError,
  KafkaError,
  KeyedProducer,
  type OutOfRange,
  PartialError,
  type ProducerRecord,
  type RecordResult,
  SimpleConsumer,
} from '../../src/index.js';
import { uniqueName } from '../kafka/handle.js';
import { kafkaTest } from '../kafka/kafka.js';
import { connected } from './records.js';

/** What became of each record of a call that failed in part: the offset it was stored at, or the code of its error. */
async function fates(sent: Promise<readonly RecordResult[]>): Promise<readonly (number | string)[]> {
  const error = await sent.then(
    () => assert.fail('every record was stored'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PartialError, String(error));
  return error.results.map(result => {
    if (result instanceof KafkaError) {
      assert.equal(result.persistence, 'no');
      return result.code;
    }
    return (result as RecordResult).offset;
  });
}

const rejection = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  );

kafkaTest('the topic names that are refused before they are sent are those Kafka refuses', async (t, kafka) => {
  const { client, producer } = connected(t, kafka);
  const admin = new Admin(client);
  const simple = producer();
  const refused = ['', '.', '..', 'with space', 'a/b', 'a\\b', 'a,b', 'a:b', 'caf\u00e9', 'new\nline', '\0', 'n'.repeat(250)];
  for (const name of refused) {
    await assert.rejects(kafka.createTopic({ name }), /error 17/, `Kafka takes ${JSON.stringify(name)}`);
    const checks: (() => Promise<unknown>)[] = [
      () => simple.send({ topic: name, value: 'v' }),
      () => simple.sendMessages(name, 'v'),
      () => admin.createTopics({ name }),
      () => client.metadata([name]),
      async () => new SimpleConsumer(client, { topic: name }),
    ];
    for (const check of checks) {
      const error = await rejection(check());
      assert.ok(error instanceof InputError && ['TIDE_INPUT', 'TIDE_OPTION'].includes(error.code), `${JSON.stringify(name)}: ${error}`);
      assert.match(error.message, /topic name/);
    }
  }
  const taken = [uniqueName('n').padEnd(249, 'n'), uniqueName('...'), uniqueName('-_.A'), `${Date.now()}`];
  for (const name of taken) {
    await kafka.createTopic({ name });
    assert.equal((await simple.send({ topic: name, value: 'v' })).offset, 0, name);
  }
});

kafkaTest('a value that is neither bytes, text nor null is refused by itself, the others of its call are stored', async (t, kafka) => {
  const topic = await kafka.createTopic();
  const untouched = await kafka.createTopic();
  const { producer, messages } = connected(t, kafka);
  const simple = producer();
  let offset = 0;
  for (const value of [undefined, 5, Number.NaN, true, {}, [1], new Date(), () => 'v', Symbol('v')]) {
    const records = [
      { topic, value: 'before' },
      { topic, value },
      { topic, value: 'after' },
    ] as ProducerRecord[];
    assert.deepEqual(await fates(simple.sendMany(records)), [offset, 'TIDE_INPUT', offset + 1]);
    await assert.rejects(simple.sendMessages(topic, 'before', value as string), {
      code: 'TIDE_INPUT',
      message: /^sendMessages: 1 of 2 records failed, the other 1 were delivered: sendMessages, value 1: the value/,
    });
    offset += 3;
    await assert.rejects(simple.send({ topic: untouched, value: 'v', key: (value ?? 5) as string }), {
      code: 'TIDE_INPUT',
      message: /the key/,
    });
  }
  for (const timestamp of [Number.NaN, -1, 1.5, '5' as unknown as number])
    await assert.rejects(simple.send({ topic: untouched, value: 'v', timestamp }), { code: 'TIDE_INPUT', message: /timestamp/ });
  for (const headers of [5, 'text', [['name']], [[1, 'v']], { name: 5 }] as unknown as Required<ProducerRecord>['headers'][])
    await assert.rejects(simple.send({ topic: untouched, value: 'v', headers }), { code: 'TIDE_INPUT', message: /headers/ });

  await simple.sendMessages(untouched, 'alone', Buffer.alloc(0), '', null);
  assert.deepEqual(
    (await messages(untouched, 4)).map(({ offset: at, value }) => [at, value === null ? null : value.toString()]),
    [
      [0, 'alone'],
      [1, ''],
      [2, ''],
      [3, null],
    ],
  );
});

for (const version of ['4.1.2', '4.3.1', '3.9.2', '2.8.2', '1.1.1'] as const) {
  kafkaTest(
    'a record larger than its topic takes is refused alone, and a batch that is larger goes in parts',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ config: { 'max.message.bytes': 1000 } });
      const { producer, messages } = connected(t, kafka);
      const simple = producer();
      const values = ['first', 'x'.repeat(2000), 'third', 'y'.repeat(5000), 'fifth'];
      const error = await rejection(simple.sendMessages(topic, ...values));
      assert.ok(error instanceof PartialError && error.code === 'MESSAGE_TOO_LARGE', String(error));
      const [first, second, third, fourth, fifth] = error.results;
      for (const refused of [second, fourth]) {
        assert.ok(refused instanceof BrokerError, String(refused));
        assert.deepEqual([refused.code, refused.errno, refused.persistence, refused.retriable], ['MESSAGE_TOO_LARGE', 10, 'no', false]);
      }
      const stored = [first, third, fifth] as RecordResult[];
      assert.deepEqual(
        stored.map(({ offset }) => offset),
        [0, 1, 2],
      );

      const many = Array.from({ length: 100 }, (_, i) => `value ${i} ${'z'.repeat(50)}`);
      const results = await simple.sendMessages(topic, ...many);
      assert.deepEqual(
        results.map(({ offset }) => offset),
        many.map((_, i) => i + 3),
      );
      assert.deepEqual(
        (await messages(topic, 103)).map(({ value }) => String(value)),
        ['first', 'third', 'fifth', ...many],
      );
    },
    { version },
  );
}

kafkaTest('a record larger than any request is refused before it is sent, by itself', async (t, kafka) => {
  const topic = await kafka.createTopic();
  const { producer, messages } = connected(t, kafka);
  const simple = producer();
  const error = await rejection(
    simple.sendMany([
      { topic, value: 'small' },
      { topic, value: Buffer.alloc(1024 * 1024) },
    ]),
  );
  assert.ok(error instanceof PartialError && error.code === 'TIDE_TOO_LARGE', String(error));
  assert.match(error.message, /record 1: .* 1048\d+ bytes, at most 1048576 .*maxRequestBytes/);
  await simple.sendMessages(topic, 'alone');
  assert.deepEqual(
    (await messages(topic, 2)).map(({ value }) => value?.toString()),
    ['small', 'alone'],
  );
});

kafkaTest('records that break a rule of their topic are refused alone, each with what the broker says of it', async (t, kafka) => {
  const { client, producer } = connected(t, kafka);
  const simple = producer();
  const compacted = await kafka.createTopic({ config: { 'cleanup.policy': 'compact' } });
  const keyless = ['a', null, 'b', null, 'c'].map(key => ({ topic: compacted, key, value: 'v' }));
  assert.deepEqual(await fates(simple.sendMany(keyless)), [0, 'INVALID_RECORD', 1, 'INVALID_RECORD', 2]);

  const plain = await kafka.createTopic();
  const timed = [0, 400, 0].map(days => ({ topic: plain, value: `in ${days} days`, timestamp: Date.now() + days * 86_400_000 }));
  assert.deepEqual(await fates(simple.sendMany(timed)), [0, 'INVALID_TIMESTAMP', 1]);

  await using keyed = new KeyedProducer(client);
  await assert.rejects(
    keyed.sendMany([
      { topic: plain, key: 'k', value: 'v' },
      { topic: plain, value: 'v' },
    ]),
    {
      code: 'TIDE_KEY_REQUIRED',
      message: /record 1/,
    },
  );
});

kafkaTest('an offset that is none is refused at the call, and one outside the log moves by policy and says so', async (t, kafka) => {
  const topic = await kafka.createTopic({ partitions: 2 });
  const { client, producer } = connected(t, kafka);
  await producer().sendMany(['a', 'b', 'c'].map(value => ({ topic, value, partition: 1 })));
  await using consumer = new SimpleConsumer(client, { topic, groupId: uniqueName(), autoCommit: false });
  await consumer.getMessages(1, { timeoutMs: 30_000 });
  for (const offset of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1' as unknown as number, undefined as unknown as number]) {
    await assert.rejects(consumer.seek(offset), { name: 'InputError', code: 'TIDE_INPUT' }, `seek ${offset}`);
    await assert.rejects(consumer.seek(offset, undefined, 1), { code: 'TIDE_INPUT' }, `seek ${offset} in 1`);
    assert.throws(() => consumer.mark(1, offset), { code: 'TIDE_INPUT' }, `mark ${offset}`);
  }
  await assert.rejects(consumer.seek(0, 3 as 2), { code: 'TIDE_INPUT' });
  await assert.rejects(consumer.seek(-4, 2, 1), { code: 'TIDE_INPUT' }, 'before the beginning');
  for (const partition of [-1, 0.5, '1' as unknown as number]) await assert.rejects(consumer.committed(partition), { code: 'TIDE_INPUT' });
  assert.equal(consumer.position(1), 1, 'nothing has moved');

  const events: OutOfRange[] = [];
  consumer.on('outOfRange', event => events.push(event));
  await consumer.seek(1000, undefined, 1);
  const read = await consumer.getMessages(3, { timeoutMs: 30_000 });
  assert.deepEqual(
    read.map(({ partition, offset }) => [partition, offset]),
    [
      [1, 0],
      [1, 1],
      [1, 2],
    ],
  );
  assert.deepEqual(
    events.map(({ topic: where, partition, requestedOffset, newOffset }) => [where === topic, partition, requestedOffset, newOffset]),
    [[true, 1, 1000, 0]],
  );
});

kafkaTest('a partition that does not exist fails its record or its reader, and nothing else', async (t, kafka) => {
  const topic = await kafka.createTopic({ partitions: 2 });
  const { client, producer } = connected(t, kafka);
  const simple = producer();
  assert.deepEqual(await fates(simple.sendMany([0, 2, 1, 99].map(partition => ({ topic, value: 'v', partition })))), [
    0,
    'UNKNOWN_TOPIC_OR_PARTITION',
    0,
    'UNKNOWN_TOPIC_OR_PARTITION',
  ]);
  for (const partition of [-1, 0.5, 2 ** 31, '0' as unknown as number])
    await assert.rejects(
      simple.sendMany([
        { topic, value: 'v', partition: 0 },
        { topic, value: 'v', partition },
      ]),
      { code: 'TIDE_INPUT', message: /record 1/ },
    );

  await using lost = new SimpleConsumer(client, { topic, partitions: [1, 2] });
  await assert.rejects(lost.getMessages(1, { timeoutMs: 30_000 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION', message: /has 2 partitions/ });
  await using consumer = new SimpleConsumer(client, { topic, partitions: [1] });
  assert.equal((await consumer.getMessages(1, { timeoutMs: 30_000 })).length, 1);
  for (const partition of [0, 2]) await assert.rejects(consumer.seek(0, undefined, partition), { code: 'TIDE_NOT_OWNED' });

  const nowhere = uniqueName('nowhere');
  const error = await rejection(
    simple.sendMany([
      { topic: nowhere, value: 'v' },
      { topic, value: 'v', partition: 1 },
    ]),
  );
  assert.ok(error instanceof PartialError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION', String(error));
  assert.equal((error.results[1] as RecordResult).offset, 1);
  await using absent = new SimpleConsumer(client, { topic: nowhere });
  await assert.rejects(absent.getMessages(1, { timeoutMs: 30_000 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' });
});
