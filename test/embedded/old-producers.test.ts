import { errorNumbers } from '../../src/base/broker-errors.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { AddPartitionsToTxn, EndTxn, Fetch, FindCoordinator, InitProducerId, ListOffsets, Produce } from '../../src/protocol/index.js';
import { encodeBatch } from '../../src/records/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import { assertSameAnswers, Interview } from './interview.js';
import { fetchBody } from './setting.js';

const NONE: string | null = null;
const EARLIER = Date.now() - 1000;

/** What every release since 0.11 can be asked about producers. */
async function interview(address: string, topic: string): Promise<Interview> {
  const all = await Interview.begin(address, topic);
  const id = { transactionalId: topic, transactionTimeoutMs: 60_000 };
  const init = async (step: string, body: { transactionalId: string | null; transactionTimeoutMs: number }) => {
    const waiting: number[] = [
      errorNumbers.NOT_COORDINATOR,
      errorNumbers.COORDINATOR_NOT_AVAILABLE,
      errorNumbers.COORDINATOR_LOAD_IN_PROGRESS,
    ];
    const { producerId, producerEpoch } = await all.untilAnswered(
      step,
      InitProducerId,
      0,
      body,
      ({ errorCode }) => !waiting.includes(errorCode),
    );
    return { producerId, producerEpoch };
  };
  const send = async (
    step: string,
    producer: { producerId: number; producerEpoch: number },
    baseSequence: number,
    { transactionalId = NONE, partition = 0, count = 1 } = {},
  ) => {
    const values = Array.from({ length: count }, () => ({ value: 'v', timestamp: EARLIER }));
    const records = encodeBatch(values, { ...producer, baseSequence, isTransactional: transactionalId !== null });
    const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
    await all.ask(step, Produce, 5, { transactionalId, acks: -1, timeoutMs: 1000, topicData });
  };
  // Only who looks for a coordinator makes there be one.
  while ((await all.client.request(FindCoordinator, 1, { key: topic, keyType: 1 })).errorCode !== 0);
  const plain = await init('plain', { ...id, transactionalId: null });
  await send('begins at 7', plain, 7);
  await send('begins at 0', plain, 0);
  for (let sequence = 1; sequence <= 6; sequence++) await send(`${sequence}`, plain, sequence);
  await send('a gap', plain, 9);
  await send('repeated', plain, 6);
  await send('repeated, another count', plain, 6, { count: 2 });
  const next = { ...plain, producerEpoch: 1 };
  await send('next epoch at 7', next, 7);
  await send('next epoch', next, 0);
  await send('epoch before', plain, 7);

  await init('empty id', { ...id, transactionalId: '' });
  await init('no time', { ...id, transactionTimeoutMs: 0 });
  const me = await init('transactional', id);
  const body = { v3AndBelowTransactionalId: topic, v3AndBelowProducerId: me.producerId, v3AndBelowProducerEpoch: me.producerEpoch };
  const add = (step: string, partitions: number[], rest = {}) =>
    all.ask(step, AddPartitionsToTxn, 0, { ...body, v3AndBelowTopics: [{ name: topic, partitions }], ...rest });
  await add('newer epoch', [1], { v3AndBelowProducerEpoch: me.producerEpoch + 1 });
  await add('another producer', [1], { v3AndBelowProducerId: me.producerId + 100_000 });
  await add('missing topic', [1], { v3AndBelowTopics: [{ name: `${topic}-none`, partitions: [0] }] });
  await add('added', [1]);
  await send('inside', me, 0, { transactionalId: topic, partition: 1 });
  const end = (step: string, committed: boolean, rest = {}) =>
    all.ask(step, EndTxn, 0, { transactionalId: topic, ...me, committed, ...rest });
  await all.ask('open', Fetch, 7, fetchBody(0, { topic, partition: 1, isolationLevel: 1 }));
  await all.ask('open', ListOffsets, 2, {
    replicaId: -1,
    isolationLevel: 1,
    topics: [{ name: topic, partitions: [{ partitionIndex: 1, timestamp: -1 }] }],
  });
  await end('aborted', false);
  const settled = ({ errorCode }: { errorCode: number }) => errorCode !== errorNumbers.CONCURRENT_TRANSACTIONS;
  await all.untilAnswered('aborted again', EndTxn, 0, { transactionalId: topic, ...me, committed: false }, settled);
  await end('committed behind that', true);
  await all.ask('aborted', Fetch, 7, fetchBody(0, { topic, partition: 1, isolationLevel: 1 }));
  await init('its heir', id);
  await end('zombie', true);
  all.client.close();
  return all;
}

for (const [emulate, version] of [
  ['1.1', '1.1.1'],
  ['2.8', '2.8.2'],
] as const) {
  kafkaTest(
    'the embedded cluster answers producers as an old release does',
    async (t, kafka) => {
      const cluster = await EmbeddedCluster.start({ emulate });
      t.after(() => cluster.close());
      const topic = await kafka.createTopic({ name: uniqueName('producers'), partitions: 2 });
      cluster.createTopic(topic, 2);
      const theirs = await interview(kafka.bootstrap[0] ?? '', topic);
      const ours = await interview(cluster.brokers[0] ?? '', topic);
      assertSameAnswers(ours, theirs);
    },
    { version },
  );
}
