import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** How a client is to read. */
export interface Reading {
  readonly brokers: string;
  readonly topic: string;
  readonly groupId: string;
  /** By batch is what the client has for it: `eachBatch`, `onBatch`, 'data' events; by message is `eachMessage`, or `for await`. */
  readonly way: string;
  each(value: Buffer | string | null): void;
}

interface Message {
  readonly value: Buffer | string | null;
}

const require = createRequire(new URL('../../bench/peers/package.json', import.meta.url));
const load = (packageName: string) => import(pathToFileURL(require.resolve(packageName)).href);

/** Other clients, each with its own defaults; all read from the start of the topic. They resolve when they read, or when they are at their end. */
const peers: Record<string, (reading: Reading) => Promise<void>> = {
  kafkajs: async ({ brokers, topic, groupId, way, each }) => {
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
              for (const { value } of batch.messages) each(value);
            },
          }
        : { eachMessage: async ({ message }: { readonly message: Message }) => each(message.value) },
    );
  },
  '@platformatic/kafka': async ({ brokers, topic, groupId, way, each }) => {
    const { Consumer } = await load('@platformatic/kafka');
    const consumer = new Consumer({ clientId: 'bench', groupId, bootstrapBrokers: brokers.split(',') });
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true });
    if (way === 'batch') stream.on('data', ({ value }: Message) => each(value));
    else for await (const { value } of stream as AsyncIterable<Message>) each(value);
  },
  'kafka-ts': async ({ brokers, topic, groupId, each }) => {
    const { createKafkaClient, setLogger } = await load('kafka-ts');
    const silent = () => {};
    setLogger({ debug: silent, info: silent, warn: silent, error: silent });
    const bootstrapServers = brokers.split(',').map(address => ({ host: address.split(':')[0], port: Number(address.split(':')[1]) }));
    await createKafkaClient({ clientId: 'bench', bootstrapServers }).startConsumer({
      groupId,
      topics: [topic],
      fromTimestamp: -2n,
      onBatch: (messages: readonly Message[]) => {
        for (const { value } of messages) each(value);
      },
    });
  },
};

/** Reads by the client of that name. @throws Error for a name that is none. */
export function peerReader(name: string): (reading: Reading) => Promise<void> {
  const read = peers[name];
  if (read === undefined) throw new Error(`no peer is called ${name}`);
  return read;
}
