import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setting } from './setting.js';

for (const partitions of [2, 4, 8]) {
  test(`no partition waits for the others when one batch fills an answer (${partitions} partitions)`, async t => {
    const { cluster, consumer } = await setting(t, { topics: { orders: partitions } });
    for (let i = 0; i < 20 * partitions; i++) cluster.append('orders', i % partitions, [{ value: Buffer.alloc(9_000) }]);
    const orders = consumer({ maxBytes: 10_000, maxPartitionBytes: 10_000, prefetchBytes: 40_000 });
    const counts = new Array<number>(partitions).fill(0);
    let read = 0;
    for await (const { partition } of orders.batches()) {
      counts[partition] = (counts[partition] ?? 0) + 1;
      const ahead = Math.max(...counts) - Math.min(...counts);
      assert.ok(ahead <= 5, `read so far: ${counts.join(' ')}`);
      if (++read === 10 * partitions) break;
    }
  });
}
