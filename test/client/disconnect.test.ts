import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { DescribeConfigs, Metadata, Produce } from '../../src/protocol/index.js';
import { clientSetting, quick, rejection } from './setting.js';

for (const by of ['id', 'address'] as const) {
  test(`disconnect() by ${by}: what waits there is rejected; other brokers are left alone; later use connects again`, async t => {
    const { cluster, client } = await clientSetting(t, { brokers: 2, client: { retry: { ...quick, attempts: 1 } } });
    const events: string[] = [];
    await client.metadata([]);
    const ask = (broker: number) => client.request(DescribeConfigs, { resources: [] }, { to: { broker } });
    await Promise.all([ask(1), ask(2)]);
    client.on('connection', ({ kind, broker }) => events.push(`${kind} ${broker}`));
    const hold = cluster.on(DescribeConfigs).hold();
    const [waiting, other] = [rejection(ask(2)), ask(1)];
    await hold.held;
    client.disconnect(by === 'id' ? 2 : (cluster.brokers[1] ?? ''));
    const error = await waiting;
    assert.deepEqual([error.code, error.persistence], ['TIDE_CONNECTION', 'maybe']);
    assert.match(error.message, /was disconnected on request/);
    hold.release();
    await other;
    await ask(2);
    assert.deepEqual(events, [`closed ${cluster.brokers[1]}`, `opened ${cluster.brokers[1]}`]);
  });
}

test('disconnect() under a producer: what was on its way is sent again', async t => {
  const { cluster, client } = await clientSetting(t);
  const hold = cluster.on(Produce).hold();
  const sent = new KeyedProducer(client).sendMessages('orders', 'k', 'a');
  await hold.held;
  client.disconnect(1);
  hold.release();
  assert.equal((await sent).length, 1);
  assert.equal(cluster.requests(Produce).length, 2);
});

test('disconnect() of a broker nobody knows does nothing; of what is no address is refused; after close() it is TIDE_CLOSED', async t => {
  const { cluster } = await clientSetting(t);
  const client = new KafkaClient({ brokers: cluster.brokers });
  client.disconnect(7);
  await client.connect();
  client.disconnect(7);
  client.disconnect('elsewhere:9092');
  await client.request(Metadata, { topics: [] });
  assert.throws(() => client.disconnect('a:b:c'), { code: 'TIDE_INPUT', message: /expected a broker's id or "host:port", got "a:b:c"/ });
  await client.close();
  assert.throws(() => client.disconnect(1), { code: 'TIDE_CLOSED' });
});
