import assert from 'node:assert/strict';
import { KafkaClient } from '../../src/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import { fillPartitions, othersOf, WorkersRun } from './group-standing.js';

const COUNTS = [500, 2000, 2000, 2000];

for (const groupProtocol of ['classic', 'consumer'] as const)
  kafkaTest(`while one partition stands still in its worker, the others are read to their end: ${groupProtocol}`, async (t, kafka) => {
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close());
    const [topic, groupId] = [await kafka.createTopic({ partitions: COUNTS.length }), uniqueName('standing')];
    await fillPartitions(client, topic, COUNTS);
    let goOn = (): void => {};
    const mayGoOn = new Promise<void>(resolve => {
      goOn = resolve;
    });
    await using run = new WorkersRun({
      ...{ bootstrap: kafka.bootstrap, topic, groupId, options: { groupProtocol } },
      work: ({ partition }) => (partition === 0 ? mayGoOn : undefined),
    });
    await run.until(othersOf(COUNTS, [0]));
    assert.equal(run.done.get(0) ?? 0, 0, 'it stands');
    goOn();
    await run.until(othersOf(COUNTS, []));
    assert.deepEqual(
      COUNTS.map((_, partition) => run.done.get(partition)),
      COUNTS,
    );
  });
