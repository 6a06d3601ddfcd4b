// Two messages that are stored together or not at all: one call is one batch of one partition.
import { KafkaClient } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { ledger: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });

const { baseOffset, offsets } = await client.produce('ledger', 0, [
  { key: 'alice', value: '-10' },
  { key: 'bob', value: '+10' },
]);
console.log(`stored from offset ${baseOffset}: ${offsets.join(', ')}`);
