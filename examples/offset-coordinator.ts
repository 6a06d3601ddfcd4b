// Stores where a program stands in a partition under the name of a group, with a note, and reads it back.
import { KafkaClient } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 2 } });
await using client = new KafkaClient({ brokers: cluster.brokers });

const offsets = client.offsetCoordinator({ groupId: 'nightly-report' });
console.log('before:', (await offsets.offset('orders', 0))?.offset);
await offsets.commit('orders', 0, 421, { metadata: 'up to Monday' });
const stored = await offsets.offset('orders', 0);
console.log(`after: ${stored?.offset}, ${stored?.metadata}`);
