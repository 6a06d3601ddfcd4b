import { peerReader } from './peer-readers.js';
import { Counted } from './reading.js';

/*
 * Reads a topic from its start by another client, as a group of its own, with the client's own defaults, and prints what that cost.
 *   node peer-reader.js PEER BROKERS TOPIC batch|message COUNT WARM-UP
 */
const [name = '', brokers = '', topic = '', way = '', count = '', warmUp = '0'] = process.argv.slice(2);
const counted = new Counted(Number(count), Number(warmUp));
const groupId = `bench-${process.pid}-${Date.now()}`;
const reading = peerReader(name)({ brokers, topic, groupId, way, each: value => counted.add(value?.length ?? 0) });
await Promise.race([reading.then(() => counted.done), counted.done]);
console.log(JSON.stringify(counted.usage));
process.exit();
