import { errorNumbers } from '../../base/broker-errors.js';
import { DescribeTransactions, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import type { TransactionalId } from '../transactional-id.js';

type Described = ResponseInput<typeof DescribeTransactions>['transactionStates'][number];

/** Where Kafka keeps the offsets of groups, and in how many partitions: offsets.topic.num.partitions. */
const OFFSETS_TOPIC = '__consumer_offsets';
const OFFSETS_PARTITIONS = 50;

/** The state of transactional ids. */
export const describeTransactions = handler({
  api: DescribeTransactions,
  versions: DescribeTransactions.versions,
  answer: call => ({ transactionStates: call.body.transactionalIds.map(id => describe(call, id)) }),
});

function describe({ cluster, broker, refusal }: Call<typeof DescribeTransactions>, id: string): Described {
  const txn = cluster.transactions.of(id);
  const unknown = id === '' ? errorNumbers.INVALID_REQUEST : errorNumbers.TRANSACTIONAL_ID_NOT_FOUND;
  const elsewhere = id !== '' && cluster.coordinatorOf(id)?.id !== broker ? errorNumbers.NOT_COORDINATOR : 0;
  const errorCode = refusal({ group: id }) || elsewhere || (txn === undefined ? unknown : 0);
  if (txn === undefined || errorCode !== 0) return { ...NOTHING, errorCode, transactionalId: id };
  return {
    errorCode: 0,
    transactionalId: id,
    transactionState: txn.state,
    transactionTimeoutMs: txn.timeoutMs,
    transactionStartTimeMs: txn.startTime,
    ...txn.identity,
    topics: topicsOf(txn),
  };
}

const NOTHING = {
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0,
  producerId: 0,
  producerEpoch: 0,
  topics: [],
};

function topicsOf({ partitions, groups }: TransactionalId): Described['topics'] {
  const topics = new Map<string, Set<number>>();
  const add = (topic: string, partition: number): void => {
    topics.set(topic, (topics.get(topic) ?? new Set()).add(partition));
  };
  for (const { topic, index } of partitions) add(topic, index);
  for (const group of groups) add(OFFSETS_TOPIC, offsetsPartitionOf(group));
  return [...topics].map(([topic, indexes]) => ({ topic, partitions: [...indexes] }));
}

/** Java's hash of a string, without its sign. */
function offsetsPartitionOf(group: string): number {
  let hash = 0;
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0;
  return (hash & 0x7fffffff) % OFFSETS_PARTITIONS;
}
