import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch, OffsetCommit } from '../../src/protocol/index.js';
import { seeded } from '../interop/workload.js';
import { handler, setting, stored } from './setting.js';

const PARTITIONS = 3;
const COUNT = 60;
const seeds = (process.env['TIDEMARK_SEEDS'] ?? '1 2 3 4 5 6').split(' ').map(Number);

for (const seed of seeds) {
  test(`whatever fails and ends, and however often the run is ended and begun again, each result comes once and in order (seed ${seed})`, async t => {
    const next = seeded(seed);
    const draw = (below: number): number => Math.floor(next() * below);
    const pick = <T>(...all: readonly T[]): T => all[draw(all.length)] as T;
    const { cluster, consumer } = await setting(t, { partitions: PARTITIONS });
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (let count = 0; count < COUNT; ) {
        const length = Math.min(COUNT - count, 1 + draw(12));
        const values = Array.from({ length }, () => {
          const kind = draw(40);
          return kind === 0 ? 'exit 1' : kind === 1 ? `throw ${1 + draw(2)}` : kind < 6 ? `wait ${draw(4)}` : 'go';
        });
        const records = values.map(value => ({ key: `k${draw(4)}`, value }));
        cluster.append('orders', partition, records, { compression: pick('none', 'gzip') });
        count += length;
      }
    }
    const isBatch = draw(3) === 0;
    const module = handler(isBatch ? 'drawn-batches.js' : 'drawn.js');
    const seen = new Map<number, number[]>(Array.from({ length: PARTITIONS }, (_, partition) => [partition, []]));
    const total = (): number => [...seen.values()].reduce((sum, { length }) => sum + length, 0);
    for (let run = 0; total() < PARTITIONS * COUNT; run++) {
      const orders = consumer({
        ...{
          threads: 1 + draw(3),
          ordering: pick('partition', 'key', 'none'),
          concurrency: pick(1, 2, 8),
          marking: pick('loop', 'explicit'),
        },
        ...{
          autoCommit: pick<{ everyN?: number; everyMs?: number }>({ everyN: 10 }, { everyMs: 5 }),
          maxAttempts: 10,
          maxPartitionBytes: pick(100, 1 << 20),
        },
      });
      const stop = new AbortController();
      const end = total() + 1 + draw(PARTITIONS * COUNT);
      const onResult = async (value: unknown, { partition }: { readonly partition: number }): Promise<void> => {
        seen.get(partition)?.push(...(isBatch ? (value as readonly number[]) : [value as number]));
        if (draw(30) === 0) cluster.on(Fetch).failOnce(pick('NOT_LEADER_OR_FOLLOWER', 'REPLICA_NOT_AVAILABLE'));
        if (draw(30) === 0) cluster.on(OffsetCommit).failOnce('COORDINATOR_LOAD_IN_PROGRESS');
        if (draw(30) === 0) await new Promise(resolve => setImmediate(resolve));
        if (draw(20) === 0) {
          const at = { topic: 'orders', partition: draw(PARTITIONS) };
          orders.pause([at]);
          setImmediate(() => orders.resume([at]));
        }
        if (total() >= end || total() === PARTITIONS * COUNT) stop.abort();
      };
      await orders.run(module, { signal: stop.signal, onResult });
      await orders.close();
      for (const [partition, offset] of Object.entries(stored(cluster)))
        assert.equal(offset, seen.get(Number(partition))?.length, `run ${run}: what is committed of ${partition} is what was given`);
    }
    for (const offsets of seen.values())
      assert.deepEqual(
        offsets,
        Array.from({ length: COUNT }, (_, i) => i),
      );
  });
}
