import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type Calls, measureWriting, valuesOf } from './writing.js';

/*
 * Writes to a topic by another client, and prints what that cost. Acks of all in-sync replicas, else the client's own defaults.
 *   node peer-writer.js PEER BROKERS TOPIC WAY COUNT WARM-UP VALUE-BYTES
 * The ways: `bulk`, 1000 records in a call and 5 calls in flight; `one`, one record in a call and 10,000 outstanding; `awaited`, one at a time.
 */
const PER_CALL = 1000;
const CALLS_IN_FLIGHT = 5;
const OUTSTANDING = 10_000;

interface Peer {
  send(values: readonly Buffer[]): Promise<unknown>;
  /** Where a call for each record would be a request for each: what the client has instead. */
  sendOne?(value: Buffer): Promise<unknown>;
  /** Resolves when what was given to `sendOne` is stored, where its promise does not say so. */
  finish?(): Promise<unknown>;
  close(): Promise<unknown>;
}

const [name = '', brokers = '', topic = '', way = '', count = '', warmUp = '0', valueBytes = '100'] = process.argv.slice(2);
const require = createRequire(new URL('../../bench/peers/package.json', import.meta.url));
const load = (packageName: string) => import(pathToFileURL(require.resolve(packageName)).href);

const peers: Record<string, () => Promise<Peer>> = {
  kafkajs: async () => {
    const { Kafka } = (await load('kafkajs')).default;
    const producer = new Kafka({ brokers: brokers.split(','), logLevel: 0 }).producer();
    await producer.connect();
    return {
      send: values => producer.send({ topic, acks: -1, messages: values.map(value => ({ value })) }),
      close: () => producer.disconnect(),
    };
  },
  '@platformatic/kafka': async () => {
    const { Producer } = await load('@platformatic/kafka');
    const producer = new Producer({ clientId: 'bench', bootstrapBrokers: brokers.split(','), acks: -1 });
    let stream: { write(message: object, done: (error?: Error | null) => void): boolean; close(): Promise<void> } | undefined;
    return {
      send: values => producer.send({ messages: values.map(value => ({ topic, value })) }),
      sendOne: value =>
        new Promise<void>((resolve, reject) => {
          stream ??= producer.asStream({ batchSize: PER_CALL, highWaterMark: OUTSTANDING });
          stream?.write({ topic, value }, error => (error ? reject(error) : resolve()));
        }),
      finish: async () => {
        await stream?.close();
        stream = undefined;
      },
      close: () => producer.close(true),
    };
  },
  'kafka-ts': async () => {
    const { createKafkaClient, setLogger } = await load('kafka-ts');
    const silent = () => {};
    setLogger({ debug: silent, info: silent, warn: silent, error: silent });
    const bootstrapServers = brokers.split(',').map(address => ({ host: address.split(':')[0], port: Number(address.split(':')[1]) }));
    const producer = createKafkaClient({ clientId: 'bench', bootstrapServers }).createProducer({});
    const send = (values: readonly Buffer[]) => producer.send(values.map(value => ({ topic, value })));
    return { send, sendOne: value => send([value]), close: () => producer.close() };
  },
};

const peer = await peers[name]?.();
if (peer === undefined) throw new Error(`no peer is called ${name}`);
await measureWriting(callsOf(peer), Number(warmUp), Number(count), Number(valueBytes));
await peer.close();
process.exit();

function callsOf({ send, sendOne, finish = async () => {} }: Peer): Calls {
  const values = valuesOf(PER_CALL, Number(valueBytes));
  const [value = Buffer.alloc(0)] = values;
  if (way === 'bulk') return { call: () => send(values), perCall: PER_CALL, width: CALLS_IN_FLIGHT };
  if (way === 'awaited') return { call: () => send([value]), perCall: 1, width: 1, awaiting: true };
  if (way === 'one' && sendOne !== undefined) return { call: () => sendOne(value), perCall: 1, width: OUTSTANDING, finish };
  throw new Error(`${name} has no way ${way}`);
}
