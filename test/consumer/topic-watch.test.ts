import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrokerError, KafkaError } from '../../src/base/errors.js';
import type { Cluster } from '../../src/cluster/cluster.js';
import { TopicWatch } from '../../src/consumer/topic-watch.js';
import { ManualClock } from '../embedded/setting.js';

test('after a failure a topic is asked about at ease: less and less often, at last every maxBackoffMs; what does not pass is told', async () => {
  const clock = new ManualClock();
  let asked = 0;
  let failure: Error = new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', 'orders', { retriable: true });
  const cluster = {
    clock,
    settings: { retry: { attempts: 1, backoffMs: 100, maxBackoffMs: 400 } },
    metadata: { topics: new Map() },
    topics: () => {
      asked += 1;
      return Promise.reject(failure);
    },
  } as Pick<Cluster, 'clock'> as Cluster;
  const told: string[] = [];
  const watch = new TopicWatch(cluster, { changed() {}, failed: ({ code }) => void told.push(code) }, new AbortController().signal);
  const look = async (): Promise<number> => {
    watch.look(['orders']);
    await watch.settled();
    return asked;
  };
  assert.equal(await look(), 1);
  // With 20 % of jitter either way.
  for (const [failures, ms] of [100, 200, 400, 400, 400].entries()) {
    clock.advance(ms * 0.8 - 1);
    assert.equal(await look(), failures + 1);
    clock.advance(ms * 0.4 + 1);
    assert.equal(await look(), failures + 2);
  }
  assert.deepEqual(told, []);
  failure = new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'orders');
  clock.advance(500);
  await look();
  failure = new TypeError('a bug');
  clock.advance(500);
  await look();
  assert.deepEqual(told, ['TOPIC_AUTHORIZATION_FAILED', 'TIDE_STATE']);
});
