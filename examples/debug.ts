// What a client does, to a logger of yours; and with TIDEMARK_DEBUG=1 (or Connection:1,IO:2) in the environment to stderr.
import { KafkaClient, type Logger } from 'tidemark';
import { brokersFor } from './cluster.js';

const quiet = () => {};
const logger: Logger = { debug: quiet, info: message => console.log(message), warn: console.warn, error: console.error };

await using cluster = await brokersFor({ topics: { orders: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers, logger });
console.log(await client.topics());
for (const { error } of client.nonFatalErrors()) console.log('passed:', error.message);
for (const [broker, error] of client.clusterErrors()) console.log(`${broker} is down:`, error.message);
