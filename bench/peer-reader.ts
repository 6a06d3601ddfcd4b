import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Counted } from './reading.js';

/*
 * Reads a topic from its start by another client, as a group of its own, with the client's own defaults, and prints what that cost.
 *   node peer-reader.js PEER BROKERS TOPIC batch|message COUNT WARM-UP
 * By batch is what the client has for it: `eachBatch`, `onBatch`, 'data' events; by message is `eachMessage`, or `for await`.
 */
const [name = '', brokers = '', topic = '', way = '', count = '', warmUp = '0'] = process.argv.slice(2);
const require = createRequire(new URL('../../bench/peers/package.json', import.meta.url));
const load = (packageName: string) => import(pathToFileURL(require.resolve(packageName)).href);
const groupId = `bench-${process.pid}-${Date.now()}`;
const counted = new Counted(Number(count), Number(warmUp));

interface Message {
  readonly value: Buffer | string | null;
}

const peers: Record<string, () => Promise<void>> = {
  kafkajs: async () => {
    const { Kafka, CompressionCodecs, CompressionTypes } = (await load('kafkajs')).default;
    const { compressFrame, decompressFrame } = (await load('lz4-napi')).default;
    CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: compressFrame, decompress: decompressFrame }); // it brings gzip only
    const consumer = new Kafka({ brokers: brokers.split(','), logLevel: 0 }).consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run(
      way === 'batch'
        ? {
            eachBatch: async ({ batch }: { readonly batch: { readonly messages: readonly Message[] } }) => {
              for (const { value } of batch.messages) counted.add(value?.length ?? 0);
            },
          }
        : { eachMessage: async ({ message }: { readonly message: Message }) => counted.add(message.value?.length ?? 0) },
    );
  },
  '@platformatic/kafka': async () => {
    const { Consumer } = await load('@platformatic/kafka');
    const consumer = new Consumer({ clientId: 'bench', groupId, bootstrapBrokers: brokers.split(',') });
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true });
    if (way === 'batch') stream.on('data', ({ value }: Message) => counted.add(value?.length ?? 0));
    else for await (const { value } of stream as AsyncIterable<Message>) counted.add(value?.length ?? 0);
  },
  'kafka-ts': async () => {
    const { createKafkaClient, setLogger } = await load('kafka-ts');
    const silent = () => {};
    setLogger({ debug: silent, info: silent, warn: silent, error: silent });
    const bootstrapServers = brokers.split(',').map(address => ({ host: address.split(':')[0], port: Number(address.split(':')[1]) }));
    await createKafkaClient({ clientId: 'bench', bootstrapServers }).startConsumer({
      groupId,
      topics: [topic],
      fromTimestamp: -2n,
      onBatch: (messages: readonly Message[]) => {
        for (const { value } of messages) counted.add(value?.length ?? 0);
      },
    });
  },
};

const read = peers[name];
if (read === undefined) throw new Error(`no peer is called ${name}`);
await Promise.race([read().then(() => counted.done), counted.done]);
console.log(JSON.stringify(counted.usage));
process.exit();
