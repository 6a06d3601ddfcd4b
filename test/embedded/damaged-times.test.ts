import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { ListOffsets } from '../../src/protocol/index.js';
import { encodeBatch } from '../../src/records/index.js';
import { clusterTest } from '../kafka/kafka.js';
import { RawClient } from './raw-client.js';
import { connectTo, produce, startCluster } from './setting.js';

// Where a time is in a log of which one batch is damaged. The embedded cluster is to answer as brokers do, whose log is changed on the disk.

const times = { before: 1000, damaged: 2000, behind: 3000, never: 4000, largest: -3 };

/** What the last byte of a batch belongs to: a header's value, the structure of its record, or the end of what is compressed. */
const damages = {
  value: encodeBatch([{ value: 'second', timestamp: times.damaged, headers: { h: 'x' } }]),
  structure: encodeBatch([{ value: 'second', timestamp: times.damaged }]),
  compressed: encodeBatch([{ value: 'second', timestamp: times.damaged }], { compression: 'gzip' }),
};
const log = (second: Buffer) => [
  encodeBatch([{ value: 'first', timestamp: times.before }]),
  second,
  encodeBatch([{ value: 'third', timestamp: times.behind }]),
];

/** What a broker answers for each time: an offset or an error. */
async function answers(client: RawClient, topic: string, version: number): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, timestamp] of Object.entries(times)) {
    if (timestamp < 0 && version < 7) continue;
    const partitions = [{ partitionIndex: 0, timestamp }];
    const { topics } = await client.request(ListOffsets, version, { replicaId: -1, topics: [{ name: topic, partitions }] });
    const answer = topics[0]?.partitions[0];
    found[name] = answer?.errorCode === 0 ? `${answer.offset}` : `error ${answer?.errorCode}`;
  }
  return found;
}

/** Changes the bit that the embedded cluster changes too: the last of the byte before `end`. */
function damageFile(directory: string, topic: string, end: number): void {
  const isSegment = (name: string) => name.includes(`${topic}-0`) && name.endsWith('.log');
  const [segment = assert.fail()] = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(isSegment);
  const file = openSync(join(directory, segment), 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, end - 1);
  writeSync(file, Buffer.from([byte.readUInt8() ^ 1]), 0, 1, end - 1);
  closeSync(file);
}

for (const [release, version, emulate] of [
  ['4.1.2', 7, undefined],
  ['1.1.1', 2, '1.1'],
] as const) {
  clusterTest(
    'times in and around damaged records are answered as by Kafka',
    async (t, kafka) => {
      const theirs = await RawClient.connect(kafka.bootstrap[0] ?? '');
      t.after(() => theirs.close());
      for (const [kind, second] of Object.entries(damages)) {
        const topic = await kafka.createTopic();
        const cluster = await startCluster(t, { topics: { [topic]: 1 }, emulate });
        const ours = await connectTo(t, cluster);
        for (const client of [ours, theirs]) {
          for (const batch of log(second)) assert.equal((await produce(client, batch, { topic, version: 5 })).errorCode, 0);
        }
        cluster.corrupt(topic, 0, 1);
        const [first = assert.fail()] = log(second);
        damageFile(kafka.directory, topic, first.length + second.length);
        const [expected, actual] = [await answers(theirs, topic, version), await answers(ours, topic, version)];
        t.diagnostic(`${kind}: ${JSON.stringify(expected)}`);
        assert.deepEqual(actual, expected, kind);
      }
    },
    { version: release },
  );
}

test('a client is told of a time in damaged records, and the cluster goes on', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const connected = await connectTo(t, cluster);
  for (const batch of log(damages.structure)) await produce(connected, batch);
  cluster.corrupt('orders', 0, 1);
  const client = new KafkaClient({ brokers: cluster.brokers });
  t.after(() => client.close());
  await assert.rejects(client.offsets.atTime('orders', 0, times.damaged), { code: 'INVALID_RECORD' });
  assert.equal(await client.offsets.atTime('orders', 0, times.behind), 2);
});
