import { EmbeddedCluster } from '../../src/embedded/index.js';
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  ApiVersions,
  CreateTopics,
  DescribeProducers,
  DescribeTransactions,
  EndTxn,
  Fetch,
  FindCoordinator,
  InitProducerId,
  ListOffsets,
  ListTransactions,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  Produce,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { encodeBatch } from '../../src/records/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import { assertSameAnswers, Interview } from './interview.js';
import { fetchBody } from './setting.js';

interface Identity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const PARTITIONS = 5;
const READ_COMMITTED = 1;
/** Not long ago: a marker with a time that is much later makes Kafka begin a new file, where a fetch ends. */
const EARLIER = Date.now() - 1000;

/** The questions of a producer, to one broker; `topic` is also the beginning of every transactional id and group. */
class ProducerQuestions {
  readonly all: Interview;
  readonly topic: string;
  topicId = '';

  constructor(all: Interview, topic: string) {
    this.all = all;
    this.topic = topic;
  }

  /** A topic with leaders, and coordinators that are ready. */
  async prepare(): Promise<void> {
    const { client } = this.all;
    const topics = [{ name: this.topic, numPartitions: PARTITIONS, replicationFactor: 1 }];
    await client.request(CreateTopics, 4, { topics });
    for (;;) {
      const [found] = (await client.request(Metadata, 12, { topics: [{ name: this.topic }] })).topics;
      this.topicId = found?.topicId ?? '';
      if (found?.partitions.length === PARTITIONS && found.partitions.every(({ leaderId }) => leaderId >= 0)) break;
    }
    // Metadata knows a leader before the leader does.
    const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }));
    for (;;) {
      const { topics: listed } = await client.request(ListOffsets, 7, { replicaId: -1, topics: [{ name: this.topic, partitions }] });
      if (listed.flatMap(topic => topic.partitions).every(({ errorCode }) => errorCode === 0)) break;
    }
    for (const keyType of [0, 1]) while ((await client.request(FindCoordinator, 3, { key: this.topic, keyType })).errorCode !== 0);
    const group = { groupId: this.topic, topics: [] };
    while ((await client.request(OffsetFetch, 7, group)).errorCode !== 0);
    const id = { transactionalId: `${this.topic}-ready`, transactionTimeoutMs: 1000 };
    while ((await client.request(InitProducerId, 4, id)).errorCode !== 0);
  }

  init(step: string, transactionalId: string | null, version = 4, given: Partial<Identity> = {}, transactionTimeoutMs = 60_000) {
    return this.all.ask(step, InitProducerId, version, { transactionalId, transactionTimeoutMs, ...given });
  }

  /** A producer that may begin a transaction. */
  async begin(transactionalId: string): Promise<Identity> {
    const { producerId, producerEpoch } = await this.init('begin', transactionalId);
    return { producerId, producerEpoch };
  }

  add(
    step: string,
    transactionalId: string,
    { producerId, producerEpoch }: Identity,
    partitions: number[],
    version = 3,
    topic = this.topic,
  ) {
    return this.all.ask(step, AddPartitionsToTxn, version, {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    });
  }

  /** One record. */
  async send(
    step: string,
    transactionalId: string | null,
    identity: Identity,
    baseSequence: number,
    { partition = 0, version = 11, isTransactional = transactionalId !== null, count = 1 } = {},
  ) {
    const values = Array.from({ length: count }, () => ({ value: 'v', timestamp: EARLIER }));
    const records = encodeBatch(values, { ...identity, baseSequence, isTransactional });
    const named = version >= 13 ? { topicId: this.topicId } : { name: this.topic };
    const topicData = [{ ...named, partitionData: [{ index: partition, records }] }];
    await this.all.ask(step, Produce, version, { transactionalId, acks: -1, timeoutMs: 1000, topicData });
  }

  async end(step: string, transactionalId: string, identity: Identity, committed: boolean, version = 3): Promise<Identity> {
    const { producerId, producerEpoch } = await this.all.ask(step, EndTxn, version, { transactionalId, ...identity, committed });
    await this.settled(transactionalId);
    return { producerId, producerEpoch };
  }

  /** The end of a transaction is answered before it is in every partition. */
  async settled(transactionalId: string): Promise<void> {
    for (;;) {
      const answer = await this.all.client.request(DescribeTransactions, 0, { transactionalIds: [transactionalId] });
      if (!answer.transactionStates[0]?.transactionState.startsWith('Prepare')) return;
    }
  }

  /** Waits for a transaction that is aborted because it lasts too long. */
  async timedOut(transactionalId: string): Promise<void> {
    await this.all.untilAnswered('over', DescribeTransactions, 0, { transactionalIds: [transactionalId] }, ({ transactionStates }) =>
      Boolean(transactionStates[0]?.transactionState.startsWith('Complete')),
    );
  }

  commitOffsets(step: string, transactionalId: string, identity: Identity, offset: number, version = 3, given: object = {}) {
    return this.all.ask(step, TxnOffsetCommit, version, {
      transactionalId,
      groupId: this.topic,
      ...identity,
      topics: [{ name: this.topic, partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'note' }] }],
      ...given,
    });
  }

  async offsets(step: string): Promise<void> {
    const topics = [{ name: this.topic, partitionIndexes: [0, 1] }];
    for (const requireStable of [false, true]) {
      const stable = requireStable ? ', stable' : '';
      await this.all.ask(step + stable, OffsetFetch, 7, { groupId: this.topic, topics, requireStable });
      await this.all.ask(`${step}${stable}, all`, OffsetFetch, 7, { groupId: this.topic, topics: null, requireStable });
    }
  }

  async describe(step: string, transactionalId: string): Promise<void> {
    await this.all.ask(step, DescribeTransactions, 0, { transactionalIds: [transactionalId] });
    const partitionIndexes = Array.from({ length: PARTITIONS }, (_, i) => i);
    await this.all.ask(step, DescribeProducers, 0, { topics: [{ name: this.topic, partitionIndexes }] });
  }

  async read(step: string, from = 0, partition = 0): Promise<void> {
    const options = { topic: this.topic, partition };
    await this.all.ask(step, Fetch, 12, fetchBody(from, options));
    await this.all.ask(`${step}, committed`, Fetch, 12, fetchBody(from, { ...options, isolationLevel: READ_COMMITTED }));
    for (const timestamp of [-1, -3, 1000]) {
      const partitions = [{ partitionIndex: partition, timestamp }];
      for (const isolationLevel of [0, READ_COMMITTED]) {
        const body = { replicaId: -1, isolationLevel, topics: [{ name: this.topic, partitions }] };
        await this.all.ask(`${step}, time ${timestamp}`, ListOffsets, 7, body);
      }
    }
  }
}

async function identities(q: ProducerQuestions): Promise<void> {
  await q.init('no id, an identity given', null, 4, { producerId: 5, producerEpoch: 1 });
  await q.init('empty id', '');
  const id = `${q.topic}-identity`;
  for (const timeoutMs of [0, -1, 900_001]) await q.init(`time-out ${timeoutMs}`, id, 4, {}, timeoutMs);
  await q.init('producer without epoch', id, 4, { producerId: 5 });
  await q.init('epoch without producer', id, 4, { producerEpoch: 5 });
  await q.init('unknown, an identity given', `${q.topic}-unknown`, 4, { producerId: 5, producerEpoch: 1 });
  for (let version = 0; version <= 5; version++) await q.init('new', `${id}-${version}`, version);
  const first = await q.begin(id);
  await q.init('again', id);
  const second = { ...first, producerEpoch: 1 };
  for (const version of [3, 4]) await q.init('older epoch', id, version, first);
  await q.init('another producer', id, 4, { ...second, producerId: first.producerId + 100_000 });
  await q.init('next epoch', id, 4, second);
  await q.init('the same again', id, 4, second);
  await q.init('next again', id, 3, { ...first, producerEpoch: 2 });
  await q.init('two behind', id, 3, second);
  await q.init('by somebody new', id);
  await q.init('one behind somebody new', id, 4, { ...first, producerEpoch: 3 });
}

async function sequences(q: ProducerQuestions): Promise<void> {
  const { producerId } = await q.init('plain', null);
  const at = (producerEpoch: number) => ({ producerId, producerEpoch });
  const partition = 4;
  const send = (step: string, epoch: number, sequence: number, rest = {}) =>
    q.send(step, null, at(epoch), sequence, { partition, version: 9, ...rest });
  await send('begins at 7', 0, 7);
  await send('8', 0, 8);
  for (let sequence = 9; sequence < 13; sequence++) await send(`${sequence}`, 0, sequence);
  await send('five back', 0, 8);
  await send('six back', 0, 7);
  await send('another count', 0, 12, { count: 2 });
  await send('a gap', 0, 14);
  await send('epoch 2 at 3', 2, 3);
  await send('epoch 2', 2, 0, { count: 3 });
  await send('epoch 1', 1, 0);
  await send('epoch 0 again', 0, 12);
  await send('epoch 2 goes on', 2, 3);
  await send('transactional, no id', 2, 4, { isTransactional: true });
  const { producerId: wraps } = await q.init('wraps', null);
  const around = { producerId: wraps, producerEpoch: 0 };
  await q.send('the largest sequences', null, around, 2 ** 31 - 2, { partition, count: 2 });
  await q.send('around', null, around, 0, { partition });
  await q.send('the largest again', null, around, 2 ** 31 - 2, { partition, count: 2 });
  await q.all.ask('who writes', DescribeProducers, 0, { topics: [{ name: q.topic, partitionIndexes: [partition, 9] }] });
}

/** What every producer does that adds its partitions by itself. */
async function firstProtocol(q: ProducerQuestions): Promise<void> {
  const id = `${q.topic}-first`;
  await q.add('unknown id', id, { producerId: 1, producerEpoch: 0 }, [0]);
  const me = await q.begin(id);
  await q.describe('empty', id);
  await q.add('empty id', '', me, [0]);
  await q.add('another producer', id, { ...me, producerId: me.producerId + 100_000 }, [0]);
  for (const version of [1, 2]) await q.add('newer epoch', id, { ...me, producerEpoch: 1 }, [0], version);
  await q.add('missing partition', id, me, [0, 9]);
  await q.add('missing topic', id, me, [0], 3, `${q.topic}-none`);
  await q.end('end of nothing', id, me, true);
  await q.end('abort of nothing', id, me, false);
  for (const version of [0, 3]) await q.add('added', id, me, [0, 2], version);
  await q.describe('ongoing', id);
  for (const version of [9, 11]) await q.send('not added', id, me, 0, { partition: 1, version });
  await q.send('another id', `${q.topic}-other`, me, 0);
  await q.send('another producer', id, { ...me, producerId: me.producerId + 100_000 }, 0);
  await q.send('newer epoch', id, { ...me, producerEpoch: 1 }, 0);
  await q.send('first', id, me, 0);
  await q.send('first again', id, me, 0);
  await q.send('second', id, me, 1, { version: 9 });
  await q.send('gap', id, me, 3);
  await q.send('not transactional', id, me, 2, { isTransactional: false });
  await q.send('begins late', id, me, 5, { partition: 2 });
  await q.read('open');
  await q.describe('written', id);
  const of = { stateFilters: ['Ongoing', 'Imaginary'], producerIdFilters: [me.producerId] };
  await q.all.ask('mine', ListTransactions, 0, of);
  await q.all.ask('mine of other states', ListTransactions, 1, { stateFilters: ['Empty'], producerIdFilters: [me.producerId] });
  await q.all.ask('long', ListTransactions, 1, { producerIdFilters: [me.producerId], durationFilter: 3_600_000 });
  await q.all.ask('unknown', DescribeTransactions, 0, { transactionalIds: [`${q.topic}-none`, ''] });

  await q.end('unknown id', `${q.topic}-none`, me, true);
  await q.end('empty id', '', me, true);
  await q.end('another producer', id, { ...me, producerId: me.producerId + 100_000 }, true);
  for (const version of [1, 2]) await q.end('newer epoch', id, { ...me, producerEpoch: 1 }, true, version);
  await q.end('committed', id, me, true);
  await q.end('committed again', id, me, true);
  await q.end('aborted behind that', id, me, false);
  await q.read('committed');
  await q.describe('committed', id);
  await q.send('outside', id, me, 2);

  await q.add('second transaction', id, me, [0, 1]);
  await q.send('second transaction', id, me, 2);
  await q.send('second transaction', id, me, 0, { partition: 1 });
  await q.end('aborted', id, me, false, 1);
  await q.end('aborted again', id, me, false);
  await q.end('committed behind that', id, me, true);
  await q.read('aborted');
  await q.read('aborted, from its middle', 3);
  await q.read('aborted, from behind it', 5);
  await q.describe('aborted', id);
}

async function fencing(q: ProducerQuestions): Promise<void> {
  const id = `${q.topic}-fenced`;
  const zombie = await q.begin(id);
  await q.add('zombie', id, zombie, [0]);
  await q.send('zombie', id, zombie, 0);
  await q.init('while it is open', id);
  await q.settled(id);
  await q.describe('fenced', id);
  const me = await q.begin(id);
  await q.read('fenced');
  await q.send('zombie', id, zombie, 1);
  await q.send('zombie in a new partition', id, zombie, 0, { partition: 1 });
  for (const version of [1, 2]) await q.add('zombie', id, zombie, [0], version);
  for (const version of [1, 2]) await q.end('zombie', id, zombie, true, version);
  for (const version of [1, 2]) {
    await q.all.ask('zombie', AddOffsetsToTxn, version, { transactionalId: id, ...zombie, groupId: q.topic });
  }
  await q.commitOffsets('zombie', id, zombie, 1);
  await q.add('goes on', id, me, [0]);
  await q.send('begins late', id, me, 1);
  await q.send('begins', id, me, 0);
  await q.init('its own identity while it is open', id, 4, me);
  await q.settled(id);
  await q.init('its own identity', id, 4, me);
  await q.init('anew', id);

  const slow = `${q.topic}-slow`;
  const { producerId, producerEpoch } = await q.init('slow', slow, 4, {}, 300);
  await q.add('slow', slow, { producerId, producerEpoch }, [3]);
  await q.timedOut(slow);
  await q.end('too late', slow, { producerId, producerEpoch }, true);
  await q.init('goes on', slow, 4, { producerId, producerEpoch });
  await q.describe('slow', slow);
}

async function offsetsInside(q: ProducerQuestions): Promise<void> {
  const id = `${q.topic}-offsets`;
  const me = await q.begin(id);
  await q.commitOffsets('outside', id, me, 1, 2);
  await q.commitOffsets('outside', id, me, 1, 4);
  await q.all.ask('empty id', AddOffsetsToTxn, 3, { transactionalId: '', ...me, groupId: q.topic });
  await q.all.ask('unknown id', AddOffsetsToTxn, 3, { transactionalId: `${id}-none`, ...me, groupId: q.topic });
  for (const version of [0, 4]) await q.all.ask('added', AddOffsetsToTxn, version, { transactionalId: id, ...me, groupId: q.topic });
  const partition = { committedOffset: 5, committedMetadata: '' };
  const missing = [{ name: q.topic, partitions: [{ ...partition, partitionIndex: 9 }] }];
  await q.commitOffsets('missing partition', id, me, 1, 3, { topics: missing });
  const none = [{ name: `${q.topic}-none`, partitions: [{ ...partition, partitionIndex: 0 }] }];
  await q.commitOffsets('missing topic', id, me, 1, 3, { topics: none });
  const long = [{ name: q.topic, partitions: [{ committedOffset: 5, committedMetadata: 'x'.repeat(5000), partitionIndex: 1 }] }];
  await q.commitOffsets('long text', id, me, 1, 3, { topics: long });
  await q.commitOffsets('a generation, no group', id, me, 1, 3, { generationId: 3, memberId: 'm' });
  await q.commitOffsets('empty group', id, me, 1, 3, { groupId: '' });
  await q.commitOffsets('stored', id, me, 11);
  await q.commitOffsets('a generation, a group without members', id, me, 1, 3, { generationId: 3, memberId: 'm' });
  await q.commitOffsets('a member that is none', id, me, 1, 3, { memberId: 'm' });
  await q.offsets('open');
  await q.describe('offsets', id);
  await q.end('committed', id, me, true);
  await q.offsets('committed');

  await q.all.ask('added', AddOffsetsToTxn, 3, { transactionalId: id, ...me, groupId: q.topic });
  await q.commitOffsets('stored', id, me, 12);
  const plain = [{ name: q.topic, partitions: [{ ...partition, partitionIndex: 0, committedOffset: 7 }] }];
  await q.all.ask('between', OffsetCommit, 8, { groupId: q.topic, topics: plain });
  await q.offsets('open, another between');
  await q.end('committed', id, me, true);
  await q.offsets('the later one counts');

  await q.all.ask('added', AddOffsetsToTxn, 3, { transactionalId: id, ...me, groupId: q.topic });
  await q.commitOffsets('stored', id, me, 13);
  await q.end('aborted', id, me, false);
  await q.offsets('aborted');
}

/** Transactions whose partitions are added by what is sent, and whose end gives the next epoch. */
async function secondProtocol(q: ProducerQuestions): Promise<void> {
  const id = `${q.topic}-second`;
  const me = await q.begin(id);
  const v2 = { version: 12, partition: 3 };
  const reads = (step: string) => q.read(step, 0, 3);
  await q.end('commit of nothing', id, me, true, 5);
  await q.send('another producer', id, { ...me, producerId: me.producerId + 100_000 }, 0, v2);
  await q.send('newer epoch', id, { ...me, producerEpoch: 1 }, 0, v2);
  await q.send('unknown id', `${id}-none`, me, 0, v2);
  await q.send('begins late', id, me, 4, v2);
  await q.describe('begins late', id);
  await q.send('first', id, me, 0, v2);
  await q.send('first again', id, me, 0, v2);
  await q.send('second', id, me, 1, { ...v2, version: 13 });
  await q.commitOffsets('unknown id', `${id}-none`, me, 21, 5);
  await q.commitOffsets('another producer', id, { ...me, producerId: me.producerId + 100_000 }, 21, 5);
  await q.commitOffsets('newer epoch', id, { ...me, producerEpoch: 1 }, 21, 5);
  await q.commitOffsets('stored', id, me, 21, 5);
  await q.describe('ongoing', id);
  await q.offsets('open');
  await q.end('another producer', id, { ...me, producerId: me.producerId + 100_000 }, true, 5);
  await q.end('newer epoch', id, { ...me, producerEpoch: 1 }, true, 5);
  const next = await q.end('committed', id, me, true, 5);
  await q.end('committed again', id, me, true, 5);
  await q.end('aborted behind that', id, me, false, 5);
  await q.end('commit of nothing', id, next, true, 5);
  await q.describe('committed', id);
  await q.offsets('committed');
  await reads('committed');
  await q.send('second again, old epoch', id, me, 1, v2);
  await q.send('goes on at 2', id, next, 2, v2);
  await q.send('goes on', id, next, 0, v2);
  await q.commitOffsets('stored', id, next, 22, 5);
  const third = await q.end('aborted', id, next, false, 5);
  await q.end('aborted again', id, next, false, 5);
  await q.end('committed behind that', id, next, true, 5);
  await q.offsets('aborted');
  await reads('aborted');
  const fourth = await q.end('abort of nothing', id, third, false, 5);
  await q.end('abort of nothing again', id, third, false, 5);
  await q.send('an older producer', id, third, 0, v2);
  await q.send('open', id, fourth, 0, v2);
  await q.init('while it is open', id);
  await q.settled(id);
  await q.describe('fenced', id);
  await q.init('its own identity', id, 5, fourth);
  await q.init('anew', id, 5);
  await reads('fenced');

  const slow = `${id}-slow`;
  const late = await q.init('slow', slow, 5, {}, 300);
  const identity = { producerId: late.producerId, producerEpoch: late.producerEpoch };
  await q.send('slow', slow, identity, 0, v2);
  await q.timedOut(slow);
  await q.send('too late', slow, identity, 1, v2);
  await q.end('too late', slow, identity, true, 5);
  await q.init('goes on', slow, 5, identity);
}

/** Which groups and transactions a broker says the cluster is for. */
async function features(q: ProducerQuestions): Promise<void> {
  for (const version of [3, 4]) {
    const answer = await q.all.client.request(ApiVersions, version, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' });
    const compared = ['group.version', 'transaction.version'];
    const of = <F extends { name: string }>(list: readonly F[]) =>
      list.filter(({ name }) => compared.includes(name)).sort((a, b) => compared.indexOf(a.name) - compared.indexOf(b.name));
    q.all.answers.push([`features v${version}`, [of(answer.supportedFeatures), of(answer.finalizedFeatures)]]);
  }
}

async function interview(address: string, topic: string, parts: readonly ((q: ProducerQuestions) => Promise<void>)[]): Promise<Interview> {
  const all = await Interview.begin(address, topic);
  const questions = new ProducerQuestions(all, topic);
  await questions.prepare();
  for (const part of parts) await part(questions);
  all.client.close();
  return all;
}

const parts = [identities, sequences, firstProtocol, fencing, offsetsInside];

for (const [emulate, version, asked] of [
  [undefined, '4.1.2', [...parts, secondProtocol, features]],
  ['3.9', '3.9.2', parts],
] as const) {
  kafkaTest(
    'the embedded cluster answers producers and transactions as Kafka does',
    async (t, kafka) => {
      const cluster = await EmbeddedCluster.start({ emulate });
      t.after(() => cluster.close());
      const topic = uniqueName('transactions');
      const theirs = await interview(kafka.bootstrap[0] ?? '', topic, asked);
      const ours = await interview(cluster.brokers[0] ?? '', topic, asked);
      assertSameAnswers(ours, theirs);
    },
    { version },
  );
}
