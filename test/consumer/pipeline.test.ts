import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer, type KafkaConsumerOptions } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import type { Message } from '../../src/records/index.js';
import { fill } from './setting.js';

const COUNT = 100;
const FAILS_AT = 37;
const AHEAD = 16;

/** Messages in one partition, and a consumer of a group. All end with the test. */
async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  const client = new KafkaClient({ brokers: cluster.brokers });
  t.after(async () => {
    await client.close({ timeoutMs: 100 }).catch(() => {});
    await cluster.close();
  });
  fill(cluster, COUNT, { perBatch: 10 });
  const member = (options: KafkaConsumerOptions) =>
    new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', autoCommit: false, ...options });
  return { cluster, member };
}

/** The end of a pipeline, which works on one message after the other. */
const writable = (work: (message: Message) => void): Writable =>
  new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(message: Message, _, done) {
      setImmediate(() => {
        try {
          work(message);
          done();
        } catch (error) {
          done(error as Error);
        }
      });
    },
  });

/** A pipeline that fails at a message. Gives what was worked on before. */
async function failing(consumer: KafkaConsumer, mark: (message: Message) => void): Promise<number> {
  let workedOn = 0;
  const work = (message: Message): void => {
    if (message.offset === FAILS_AT) throw new Error('in vain');
    mark(message);
    workedOn += 1;
  };
  await assert.rejects(pipeline(Readable.from(consumer, { highWaterMark: AHEAD }), writable(work)), /in vain/);
  return workedOn;
}

const place = { topic: 'orders', partition: 0 };
const committed = (cluster: EmbeddedCluster): number => cluster.committed('billing').get('orders/0')?.offset ?? 0;

test("pipeline() reads ahead of the work: with marking: 'explicit' what was worked on is done, and nothing else", async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ marking: 'explicit' });
  assert.equal(await failing(consumer, message => consumer.mark(message)), FAILS_AT);
  await consumer.commit();
  assert.equal(committed(cluster), FAILS_AT);
  assert.ok((consumer.position(place) ?? 0) > FAILS_AT, 'it has read ahead');
  consumer.rewind();
  const seen: number[] = [];
  const stop = new AbortController();
  const rest = consumer.messages({ signal: stop.signal });
  await pipeline(
    Readable.from(rest),
    writable(message => {
      seen.push(message.offset);
      consumer.mark(message);
      if (message.offset === COUNT - 1) stop.abort();
    }),
  );
  await consumer.close();
  assert.deepEqual(
    seen,
    Array.from({ length: COUNT - FAILS_AT }, (_, i) => FAILS_AT + i),
  );
});

test("pipeline() reads ahead of the work: with marking: 'loop' the stream's asking says done, which is why it needs 'explicit'", async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ marking: 'loop' });
  const workedOn = await failing(consumer, () => {});
  await consumer.commit();
  assert.ok(committed(cluster) > workedOn, `${committed(cluster)} are done, ${workedOn} were worked on`);
  await consumer.close();
});
