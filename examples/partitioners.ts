// Where records go. Partitioners are plain functions: they work without a broker too, over as many partitions as they are given.
import {
  fnv1aPartitioner,
  KafkaClient,
  KeyedProducer,
  murmur2Partitioner,
  type Partitioner,
  randomPartitioner,
  roundRobinPartitioner,
  stickyPartitioner,
} from 'tidemark';
import { brokersFor } from './cluster.js';

const six = Array.from({ length: 6 }, (_, partition) => ({ partition, leader: 0 })); // a leader of -1 would be: none just now

for (const key of ['customer-1', 'customer-2', 'customer-3']) {
  const [java, go] = [murmur2Partitioner, fnv1aPartitioner].map(choose => choose({ key }, six, 'orders'));
  console.log(`${key}: ${java} as Java's clients, ${go} as optiopay/kafka in Go`);
}

const inTurn = roundRobinPartitioner(); // it remembers where it is, each topic by itself
console.log(`in turn: ${Array.from({ length: 8 }, () => inTurn({}, six, 'orders')).join(' ')}`);
const sticky = stickyPartitioner({ everyBytes: 100 }); // one partition for 100 bytes of values, then another
const stuck = Array.from({ length: 30 }, () => sticky({ value: '0123456789' }, six, 'orders'));
console.log(`sticky: ${stuck.filter((partition, i) => partition !== stuck[i - 1]).length} partitions for 300 bytes`);
console.log(`at random: ${randomPartitioner({}, six, 'orders') < 6 ? 'one of six' : 'none'}`);

// One of your own, in a producer: keys keep their partitions however many the topic gets, since only the first four are used.
const firstFour: Partitioner = Object.assign<Partitioner, { needsKey: true }>(
  (record, partitions, topic) => murmur2Partitioner(record, partitions.slice(0, 4), topic),
  { needsKey: true }, // a record without a key is refused
);
await using cluster = await brokersFor({ topics: { orders: 6 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await using producer = new KeyedProducer(client, { partitioner: firstFour });
const keys = Array.from({ length: 100 }, (_, i) => `customer-${i}`);
const results = await producer.sendMany(keys.map(key => ({ topic: 'orders', key, value: 'tea' })));
console.log(`used: ${[...new Set(results.map(({ partition }) => partition))].sort().join(' ')}`);
