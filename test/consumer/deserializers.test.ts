import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Deferred, deferred } from '../../src/base/wait.js';
import { KafkaClient } from '../../src/client/client.js';
import {
  KafkaConsumer,
  type KafkaConsumerOptions,
  merge,
  type NotDeserialized,
  SimpleConsumer,
  type SimpleConsumerOptions,
} from '../../src/consumer/index.js';
import { withOffsets } from '../../src/context/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { DeserializationError } from '../../src/index.js';
import { rejection } from '../support/rejection.js';
import { fill, offsets, stored, until } from './setting.js';

/** Topic "orders" of one partition, and consumers of it whose values are numbers; a value that is none is refused. */
async function setting(t: TestContext, { topics = { orders: 1 } }: { topics?: Record<string, number> } = {}) {
  const cluster = await EmbeddedCluster.start({ topics });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
  t.after(async () => {
    await client.close({ timeoutMs: 1000 }).catch(() => {});
    await cluster.close();
  });
  const consumer = (options: Partial<SimpleConsumerOptions<Buffer, number>> = {}) =>
    new SimpleConsumer(client, { topic: 'orders', valueDeserializer: toNumber, ...options });
  return { cluster, client, consumer };
}

function toNumber(bytes: Buffer): number {
  const number = Number(bytes.toString());
  if (Number.isNaN(number)) throw new TypeError(`no number: ${bytes}`);
  return number;
}

const forEver = { timeoutMs: null } as const;
const values = <V>(messages: Iterable<{ readonly value: V }>): V[] => Array.from(messages, ({ value }) => value);
/** Messages in one batch. */
const append = (cluster: EmbeddedCluster, ...given: readonly (string | null)[]) =>
  cluster.append(
    'orders',
    0,
    given.map(value => ({ value, key: 'k' })),
  );

test('every way of reading gives what the deserialisers made, typed', async t => {
  const { cluster, client } = await setting(t);
  cluster.append('orders', 0, [
    { key: 'a', value: '{"item":"tea"}', headers: { kind: 'order' } },
    { key: 'b', value: null },
    { value: '{"item":"milk"}' },
  ]);
  const options = {
    keyDeserializer: (bytes: Buffer) => bytes.toString(),
    valueDeserializer: (bytes: Buffer): { item: string } => JSON.parse(bytes.toString()),
  };
  const keys: (string | null)[] = [];
  const items: (string | undefined)[] = [];
  const take = (key: string | null, value: { item: string } | null) => {
    keys.push(key);
    items.push(value?.item);
  };
  const member = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', ...options });
  const simple = new SimpleConsumer(client, { topic: 'orders', ...options });
  for (const message of await member.getMessages(3, forEver)) take(message.key, message.value);
  member.rewind();
  for (const message of await member.fetchMessages(2)) take(message.key, message.value);
  const { key, value } = await member.nextMessage();
  take(key, value);
  for await (const batch of simple.batches()) {
    for (const message of batch) take(message.key, message.value);
    assert.deepEqual([batch.count, batch.offsets(), batch.at(2)?.value?.item], [3, [0, 1, 2], 'milk']);
    break;
  }
  for await (const message of simple) {
    take(message.key, message.value);
    if (message.offset === 2) break;
  }
  assert.deepEqual(keys, ['a', 'b', null, 'a', 'b', null, 'a', 'b', null, 'a', 'b', null]);
  assert.deepEqual(items, Array.from({ length: 4 }, () => ['tea', undefined, 'milk']).flat());
});

test('bytes, headers and the rest are still there, also in a copy', async t => {
  const { cluster, client } = await setting(t);
  cluster.append('orders', 0, [{ key: 'a', value: 'tea', timestamp: 42, headers: { kind: 'order' } }]);
  const seen: unknown[] = [];
  const consumer = new SimpleConsumer(client, {
    topic: 'orders',
    valueDeserializer: (bytes, topic, message) => {
      seen.push(topic, message.offset, message.header('kind')?.toString(), message.key?.toString());
      return { item: bytes.toString() };
    },
  });
  const [message] = await consumer.getMessages(1, forEver);
  assert.deepEqual(seen, ['orders', 0, 'order', 'a']);
  for (const each of [message, message?.detach()]) {
    assert.deepEqual(each?.value, { item: 'tea' });
    assert.deepEqual([each?.key?.toString(), each?.keyBytes?.toString(), each?.valueBytes?.toString()], ['a', 'a', 'tea']);
    assert.deepEqual([each?.header('kind')?.toString(), each?.timestamp, each?.magic, each?.valid], ['order', 42, 2, true]);
  }
});

test('without a deserialiser the bytes are the value', async t => {
  const { cluster, client } = await setting(t);
  append(cluster, '1', null);
  const [first, second] = await new SimpleConsumer(client, { topic: 'orders' }).getMessages(2, forEver);
  assert.deepEqual([first?.value, first?.valueBytes?.toString()], [Buffer.from('1'), '1']);
  assert.deepEqual([second?.value, second?.valueBytes, second?.keyBytes?.toString()], [null, null, 'k']);
});

/** Values that are ready when the test says so. */
function onCommand() {
  const made = new Map<string, Deferred<string>>();
  const valueDeserializer = (bytes: Buffer) => {
    const making = deferred<string>();
    made.set(bytes.toString(), making);
    return making.promise;
  };
  return { made, valueDeserializer };
}

test('one that takes its time: begun ahead, handed out in order, whichever is ready first', async t => {
  const { cluster, client } = await setting(t);
  append(cluster, '0', '1', '2', '3');
  const { made, valueDeserializer } = onCommand();
  const consumer = new SimpleConsumer(client, { topic: 'orders', valueDeserializer });
  const reading = consumer.getMessages(4, forEver);
  await until(() => made.size === 4);
  for (const value of ['3', '1', '2']) made.get(value)?.resolve(`made ${value}`);
  await new Promise(setImmediate);
  assert.equal(consumer.position(0), 0);
  made.get('0')?.resolve('made 0');
  assert.deepEqual(values(await reading), ['made 0', 'made 1', 'made 2', 'made 3']);
});

test('many that take their time are read in order, by each way of reading', async t => {
  const { cluster, client } = await setting(t);
  fill(cluster, 1000, { perBatch: 100 });
  const valueDeserializer = async (bytes: Buffer) => {
    const number = Number(bytes.toString());
    for (let i = 0; i < number % 7; i++) await undefined;
    return number;
  };
  const all = Array.from({ length: 1000 }, (_, i) => i);
  const consumer = () => new SimpleConsumer(client, { topic: 'orders', valueDeserializer, iterTimeoutMs: 60_000 });
  const one: (number | null)[] = [];
  for await (const { value } of consumer()) if (one.push(value) === 1000) break;
  const two: (number | null)[] = [];
  for await (const batch of consumer().batches()) if (two.push(...values(batch)) === 1000) break;
  assert.deepEqual(one, all);
  assert.deepEqual(two, all);
  assert.deepEqual(values(await consumer().getMessages(1000, forEver)), all);
});

test('what is being made counts as there for a call that does not wait', async t => {
  const { cluster, client } = await setting(t);
  append(cluster, '0', '1');
  const valueDeserializer = async (bytes: Buffer) => {
    await new Promise(setImmediate);
    return bytes.toString();
  };
  const consumer = new SimpleConsumer(client, { topic: 'orders', valueDeserializer });
  const got = await consumer.getMessages(2, { block: false, timeoutMs: null });
  assert.ok(got.length > 0);
});

test('a call that does not wait goes on behind what is skipped', async t => {
  const { cluster, consumer: made } = await setting(t);
  append(cluster, 'x');
  append(cluster, '1');
  const consumer = made({ onDeserializationError: 'skip' });
  assert.deepEqual(values(await consumer.getMessages(1, { block: false, timeoutMs: null })), [1]);
});

test('what was being made when a read was rejected is of no use to the next', async t => {
  const { cluster, client } = await setting(t);
  append(cluster, '0', '1');
  const made: Deferred<string>[] = [];
  const consumer = new SimpleConsumer(client, {
    topic: 'orders',
    valueDeserializer: () => {
      const making = deferred<string>();
      made.push(making);
      return making.promise;
    },
  });
  const first = rejection(consumer.getMessages(2, forEver));
  await until(() => made.length === 2);
  made[0]?.reject(new Error('not now'));
  assert.equal((await first).code, 'TIDE_DESERIALIZATION');
  const batch = consumer.batches().next();
  await until(() => made.length === 4);
  made[1]?.resolve('of the first read');
  await new Promise(setImmediate);
  made[2]?.resolve('0');
  await new Promise(setImmediate);
  assert.equal(consumer.position(0), 0);
  made[3]?.resolve('1');
  assert.deepEqual(values((await batch).value), ['0', '1']);
});

test('a throw rejects the read, after what came before; nothing is lost, and the next read tries again', async t => {
  const { cluster, consumer: made } = await setting(t);
  append(cluster, '0', '1', 'x', '3');
  let isMended = false;
  const consumer = made({
    groupId: 'billing',
    autoCommit: false,
    valueDeserializer: bytes => (isMended && bytes.toString() === 'x' ? 2 : toNumber(bytes)),
  });
  assert.deepEqual(values(await consumer.getMessages(4, forEver)), [0, 1]);
  for (let i = 0; i < 2; i++) {
    const error = await rejection(consumer.getMessages(4, forEver));
    assert.ok(error instanceof DeserializationError);
    assert.deepEqual(
      [error.code, error.topic, error.partition, error.offset, error.part],
      ['TIDE_DESERIALIZATION', 'orders', 0, 2, 'value'],
    );
    assert.deepEqual(error.context, { topic: 'orders', partition: 0, offset: 2, part: 'value' });
    assert.match(error.message, /^orders\/0 offset 2: the value could not be deserialised: no number: x$/);
    assert.ok(error.cause instanceof TypeError);
    assert.equal(consumer.position(0), 2);
  }
  await consumer.commit();
  assert.deepEqual(stored(cluster, 'billing'), { 0: 2 });
  isMended = true;
  assert.deepEqual(values(await consumer.getMessages(2, forEver)), [2, 3]);
});

test('a throw ends a loop, by messages and by batches; what is not for the deserialiser can be passed by a seek', async t => {
  const { cluster, consumer: made } = await setting(t);
  append(cluster, '0', 'x', '2');
  const consumer = made();
  for (const [i, read] of ([() => consumer.messages(), () => consumer.batches()] as const).entries()) {
    await consumer.seek(0);
    const seen: number[] = [];
    const error = await rejection(
      (async () => {
        for await (const item of read()) seen.push(...('offset' in item ? [item.offset] : item.offsets()));
      })(),
    );
    assert.ok(error instanceof DeserializationError, `way ${i}`);
    assert.deepEqual([seen, consumer.position(0)], [[0], 1]);
    await consumer.seek(error.offset + 1, undefined, error.partition);
    assert.deepEqual(offsets(await consumer.getMessages(1, forEver)), [2]);
  }
});

test('skip: told of, passed over, and as good as done', async t => {
  for (const isAsync of [false, true]) {
    const { cluster, consumer: made } = await setting(t);
    append(cluster, 'x', '1', 'y');
    append(cluster, 'z', 'z');
    append(cluster, '5', 'x');
    const valueDeserializer = isAsync ? async (bytes: Buffer) => toNumber(bytes) : toNumber;
    const consumer = made({ groupId: 'billing', autoCommit: false, valueDeserializer, onDeserializationError: 'skip' });
    const told: NotDeserialized[] = [];
    consumer.on('deserializationFailed', what => told.push(what));
    const got = [...(await consumer.getMessages(1, forEver)), ...(await consumer.getMessages(1, forEver))];
    assert.deepEqual(values(got), [1, 5]);
    const reading = consumer.getMessages(1, forEver);
    await until(() => told.length === 5);
    append(cluster, '7');
    assert.deepEqual(values(await reading), [7]);
    assert.deepEqual(
      told.map(({ topic, partition, offset, part, error }) => [topic, partition, offset, part, error.code].join(' ')),
      [0, 2, 3, 4, 6].map(offset => `orders 0 ${offset} value TIDE_DESERIALIZATION`),
    );
    await consumer.commit();
    assert.deepEqual(stored(cluster, 'billing'), { 0: 7 }, 'the last message is not done, those before that were skipped are');
    await consumer.seek(0);
    const batches: number[][] = [];
    for await (const batch of consumer.batches()) {
      batches.push([...batch.offsets()]);
      if (batch.lastOffset === 7) break;
    }
    assert.deepEqual(batches, [[1], [5], [7]]);
  }
});

test('a thousand that are skipped hold up nobody', async t => {
  const { cluster, consumer: made } = await setting(t, { topics: { orders: 2 } });
  cluster.append(
    'orders',
    0,
    Array.from({ length: 1000 }, () => ({ value: 'x' })),
  );
  fill(cluster, 10, { partition: 1 });
  const consumer = made({ onDeserializationError: 'skip' });
  let count = 0;
  consumer.on('deserializationFailed', () => count++);
  assert.deepEqual(values(await consumer.getMessages(10, forEver)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(count < 1000, `${count}`);
  const reading = consumer.getMessages(1, forEver);
  await until(() => count === 1000);
  fill(cluster, 1, { from: 10 });
  assert.deepEqual(values(await reading), [10]);
});

test('a listener that takes back what is being handed out leaves nothing stale', async t => {
  const { cluster, consumer: made } = await setting(t);
  append(cluster, '0', 'x', '2');
  const consumer = made({ groupId: 'billing', autoCommit: false, marking: 'explicit', onDeserializationError: 'skip' });
  let count = 0;
  consumer.on('deserializationFailed', () => {
    if (count++ === 0) consumer.rewind();
  });
  for await (const batch of consumer.batches()) {
    consumer.mark(batch);
    assert.deepEqual(batch.offsets(), [0, 2]);
    break;
  }
  assert.equal(count, 2);
  await consumer.commit();
  assert.deepEqual(stored(cluster, 'billing'), { 0: 3 });
});

test('return: handed out with its bytes and the error, and done when it is marked', async t => {
  const { cluster, client } = await setting(t);
  cluster.append('orders', 0, [
    { key: '1', value: 'x' },
    { key: 'y', value: '2' },
  ]);
  const consumer = new SimpleConsumer(client, {
    ...{ topic: 'orders', groupId: 'billing', autoCommit: false, onDeserializationError: 'return' },
    ...{ keyDeserializer: toNumber, valueDeserializer: toNumber },
  });
  const told: string[] = [];
  consumer.on('deserializationFailed', ({ offset, part }) => told.push(`${offset} ${part}`));
  const messages = await consumer.getMessages(2, { block: 2, timeoutMs: null });
  assert.deepEqual(
    messages.map(({ key, value, valid, keyBytes, valueBytes, error }) => [key, value, valid, `${keyBytes}`, `${valueBytes}`, error?.code]),
    [
      [1, null, false, '1', 'x', 'TIDE_DESERIALIZATION'],
      [null, 2, false, 'y', '2', 'TIDE_DESERIALIZATION'],
    ],
  );
  assert.deepEqual(told, ['0 value', '1 key']);
  await consumer.commit();
  assert.deepEqual(stored(cluster, 'billing'), { 0: 0 }, 'nobody has said that they are done');
  await consumer.commit(messages);
  assert.deepEqual(stored(cluster, 'billing'), { 0: 2 });
  await consumer.seek(0);
  for await (const batch of consumer.batches()) {
    assert.deepEqual([batch.count, batch.at(0)?.valid, batch.at(1)?.valid], [2, false, false]);
    break;
  }
});

test('a commit by a listener stores nothing that nobody has had', async t => {
  for (const onDeserializationError of ['skip', 'return'] as const) {
    const { cluster, consumer: made } = await setting(t);
    append(cluster, '0', '1', 'x', '3');
    const consumer = made({ groupId: 'billing', autoCommit: false, onDeserializationError });
    const commits: Promise<boolean>[] = [];
    consumer.on('deserializationFailed', () => commits.push(consumer.commit()));
    for await (const batch of consumer.batches()) {
      assert.equal(batch.firstOffset, 0);
      await Promise.all(commits);
      break;
    }
    assert.equal(commits.length, 1);
    assert.deepEqual(stored(cluster, 'billing'), { 0: 0 });
  }
});

test('what is handed out again is made again', async t => {
  const { cluster, client } = await setting(t);
  append(cluster, '0', '1');
  let count = 0;
  const consumer = new SimpleConsumer(client, { topic: 'orders', valueDeserializer: () => ({ number: count++ }) });
  const [first] = await consumer.getMessages(2, forEver);
  consumer.rewind();
  const [again] = await consumer.getMessages(2, forEver);
  assert.deepEqual([first?.value, again?.value, count], [{ number: 0 }, { number: 2 }, 4]);
});

test('marks, contexts and merge take messages as they are', async t => {
  const { cluster, consumer: made } = await setting(t);
  append(cluster, '0', '1', '2', '3');
  const consumer = made({ groupId: 'billing', autoCommit: false, marking: 'explicit' });
  const [zero, one, two] = await consumer.getMessages(3, forEver);
  assert.ok(zero && one && two);
  consumer.mark(two);
  consumer.taskDone(zero);
  await consumer.commit();
  assert.deepEqual(stored(cluster, 'billing'), { 0: 1 });
  consumer.mark(one);
  await consumer.commit();
  assert.deepEqual(stored(cluster, 'billing'), { 0: 3 });
  await consumer.close();
  const ledger = made({ groupId: 'ledger', autoCommit: false });
  await withOffsets(ledger, async context => {
    for (const message of await ledger.getMessages(4, forEver)) if ((message.value ?? 0) < 3) context.mark(message);
  });
  assert.deepEqual([stored(cluster, 'ledger'), ledger.position(0)], [{ 0: 3 }, 3]);
  const merged = merge(made());
  const seen = [(await merged.nextMessage()).value, (await merged.nextMessage()).value];
  await merged.close();
  assert.deepEqual(seen, [0, 1]);
});

test('a context: what cannot be made stops it, and a skipped message is as good as marked', async t => {
  const { cluster, consumer: made } = await setting(t);
  append(cluster, '0', 'x', '2');
  const stopping = made({ groupId: 'stopping', autoCommit: false });
  const read = withOffsets(stopping, async context => {
    context.mark(await stopping.getMessages(1, forEver));
    await stopping.getMessages(1, forEver);
  });
  assert.equal((await rejection(read)).code, 'TIDE_DESERIALIZATION');
  assert.deepEqual([stored(cluster, 'stopping'), stopping.position(0)], [{}, 0]);
  const skipping = made({ groupId: 'skipping', autoCommit: false, onDeserializationError: 'skip' });
  await withOffsets(skipping, async context => context.mark(await skipping.getMessages(2, forEver)));
  assert.deepEqual([stored(cluster, 'skipping'), skipping.position(0)], [{ 0: 3 }, 3]);
});

test('one that never ends holds up neither the end of a loop, nor close(), nor another partition', async t => {
  const { cluster, client } = await setting(t, { topics: { orders: 2 } });
  cluster.append('orders', 0, [{ value: 'hangs' }]);
  fill(cluster, 3, { partition: 1 });
  let hanging = 0;
  const options: KafkaConsumerOptions<Buffer, string> = {
    valueDeserializer: bytes => {
      if (bytes.toString() !== 'hangs') return bytes.toString();
      hanging += 1;
      return new Promise<string>(() => {});
    },
  };
  const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', ...options });
  assert.deepEqual(values(await consumer.getMessages(3, forEver)), ['0', '1', '2']);
  const stop = new AbortController();
  const loop = (async () => {
    for await (const { offset } of consumer.messages({ signal: stop.signal })) assert.fail(`${offset}`);
  })();
  await until(() => hanging > 0);
  stop.abort();
  await loop;
  const reading = consumer.getMessages(1, forEver);
  reading.catch(() => {});
  await consumer.close();
  assert.equal((await rejection(reading)).code, 'TIDE_CLOSED');
  assert.deepEqual(stored(cluster, 'billing'), { 0: 0, 1: 3 });
});

test('what is no deserialiser is refused', async t => {
  const { client } = await setting(t);
  const refused = async (options: object) =>
    (await rejection((async () => new KafkaConsumer(client, { topics: 'orders', ...options }))())).message;
  assert.match(await refused({ valueDeserializer: 'json' }), /"valueDeserializer" must be a function \(bytes, topic, message\) => value/);
  assert.match(await refused({ onDeserializationError: 'stop' }), /must be one of "throw", "skip", "return", got "stop"/);
});
