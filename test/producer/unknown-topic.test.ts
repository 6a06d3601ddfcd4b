import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import { Metadata } from '../../src/protocol/index.js';
import { clientSetting, rejection } from '../client/setting.js';

const options: KeyedProducerOptions = { retry: { attempts: 2, backoffMs: 1, maxBackoffMs: 1 } };
const record = { topic: 'orders', key: 'k', value: 'x' };

for (const [what, bad] of [
  ['topic', { ...record, topic: 'nowhere' }],
  ['partition', { ...record, partition: 9 }],
] as const) {
  test(`a call that is made again as soon as its ${what} was not found asks again, and is told again`, { timeout: 20_000 }, async t => {
    const { client, cluster } = await clientSetting(t);
    const producer = new KeyedProducer(client, options);
    const askedCounts: number[] = [];
    const asked = () => askedCounts.push(cluster.requests(Metadata).length);
    const again = () => {
      asked();
      return producer.sendMany([bad]);
    };
    const error = await rejection(again().catch(again).catch(again));
    asked();
    assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.equal(new Set(askedCounts).size, 4, 'each call asked');
    await producer.send(record);
  });
}
