import type { KafkaClient } from '../src/index.js';
import type { CompressionName } from '../src/records/index.js';
import { hideNative } from './without-native.js';
import { type Calls, measureWriting, valuesOf } from './writing.js';

/*
 * Writes to a topic, with default settings but for the codec, and prints what that cost.
 *   node kafka-writer.js BROKERS TOPIC WAY COUNT WARM-UP VALUE-BYTES [CODEC [native|portable]]
 * The ways are those of `callsOf`.
 */
const PER_CALL = 1000;
const CALLS_IN_FLIGHT = 5;

const [brokers = '', topic = '', way = '', count = '', warmUp = '0', valueBytes = '100', codec = 'none', code] = process.argv.slice(2);
if (code === 'portable') hideNative();
const { KafkaClient: Client, KeyedProducer, SimpleProducer } = await import('../src/index.js');

const client = new Client({ brokers });
await measureWriting(callsOf(client), Number(warmUp), Number(count), Number(valueBytes));
await client.close();

function callsOf(client: KafkaClient): Calls {
  const options = { compression: codec as CompressionName };
  const simple = new SimpleProducer(client, options);
  const values = valuesOf(PER_CALL, Number(valueBytes));
  const [value = null] = values;
  const one = { topic, value };
  switch (way) {
    case 'sendMany': {
      const records = values.map(value => ({ topic, value }));
      return { call: () => simple.sendMany(records), perCall: PER_CALL, width: CALLS_IN_FLIGHT };
    }
    case 'sendMessages':
      return { call: () => simple.sendMessages(topic, ...values), perCall: PER_CALL, width: CALLS_IN_FLIGHT };
    case 'strings': {
      const texts = values.map(String);
      return { call: () => simple.sendMessages(topic, ...texts), perCall: PER_CALL, width: CALLS_IN_FLIGHT };
    }
    case 'keyed': {
      const keyed = new KeyedProducer(client, options);
      const records = values.map((value, i) => ({ topic, key: `key-${i}`, value }));
      return { call: () => keyed.sendMany(records), perCall: PER_CALL, width: CALLS_IN_FLIGHT };
    }
    case 'send':
      return { call: () => simple.send(one), perCall: 1, width: 10_000 };
    case 'send, 10,000 callers':
      return { call: () => simple.send(one), perCall: 1, width: 10_000, awaiting: true };
    case 'send, 100 callers':
      return { call: () => simple.send(one), perCall: 1, width: 100, awaiting: true };
    case 'send, awaited':
      return { call: () => simple.send(one), perCall: 1, width: 1, awaiting: true };
    default:
      throw new Error(`no way of writing is called ${way}`);
  }
}
