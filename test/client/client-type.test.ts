import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client, Fetched } from '../../src/index.js';
import { clientSetting } from './setting.js';

/** What a program of a user's may look like. */
async function lastValue(client: Pick<Client, 'fetch' | 'offsets'>, topic: string): Promise<string | undefined> {
  const end = await client.offsets.latest(topic, 0);
  if (end === 0) return undefined;
  const { messages } = await client.fetch(topic, 0, end - 1);
  return messages.at(-1)?.value?.toString();
}

test('a program that takes a Client can be given one of its own making, or a KafkaClient', async t => {
  const empty: Fetched = {
    ...{ topic: 'orders', partition: 0, messages: [], nextOffset: 5 },
    ...{ highWatermark: 5, lastStableOffset: 5, logStartOffset: 0 },
  };
  const asked: number[] = [];
  const mock: Pick<Client, 'fetch' | 'offsets'> = {
    fetch: async (_topic, _partition, offset) => {
      asked.push(offset);
      return empty;
    },
    offsets: {
      earliest: async () => 0,
      latest: async () => 5,
      atTime: async () => undefined,
      beforeTime: async () => undefined,
      list: async () => [5, 0],
    },
  };
  assert.equal(await lastValue(mock, 'orders'), undefined);
  assert.deepEqual(asked, [4]);

  const { client } = await clientSetting(t);
  const real: Client = client;
  await real.produce('orders', 0, ['a', 'b']);
  assert.equal(await lastValue(real, 'orders'), 'b');
});
