import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { KafkaClient, type Message, SimpleConsumer, SimpleProducer, type SimpleProducerOptions } from '../../src/index.js';
import { codecOf, compress, compressionNames } from '../../src/records/compression/index.js';
import type { KafkaHandle } from '../kafka/handle.js';

/** A record as text. */
export interface Seen {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string | null, string | null])[];
}

/** Records with everything that may differ from one to the next. */
export const written = [
  { key: 'key', value: 'value', headers: [], timestamp: 1_700_000_000_000 },
  { key: null, value: 'no key', headers: [['one', '1']], timestamp: 1_700_000_000_001 },
  { key: '', value: 'an empty key', headers: [], timestamp: 1_600_000_000_000 },
  { key: 'tombstone', value: null, headers: [['why', 'gone']], timestamp: 0 },
  { key: 'empty value', value: '', headers: [], timestamp: 1_750_000_000_000 },
  {
    key: 'Gr\u00fc\u00dfe',
    value: '\u4e16\u754c \u{1f30a}\n\ttwo lines',
    headers: [['\u00fc', '\u{1f30a}']],
    timestamp: 1_700_000_000_002,
  },
  {
    key: 'headers',
    value: 'many',
    headers: [
      ['a', '2'],
      ['a', '1'],
      ['b', null],
      ['b', ''],
      ['', 'no name'],
    ],
    timestamp: 1_700_000_000_003,
  },
] as const satisfies readonly Omit<Seen, 'offset'>[];

/** A client with what tests do with it; it ends with the test. */
export interface Connected {
  readonly client: KafkaClient;
  producer(options?: SimpleProducerOptions): SimpleProducer;
  /** The first `count` messages of a topic, or as many as come within 30 s. */
  messages(topic: string, count: number): Promise<readonly Message[]>;
}

export function connected(t: TestContext, kafka: KafkaHandle): Connected {
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  t.after(() => client.close());
  return {
    client,
    producer: options => new SimpleProducer(client, options),
    messages: async (topic, count) => {
      await using consumer = new SimpleConsumer(client, { topic });
      return await consumer.getMessages(count, { timeoutMs: 30_000 });
    },
  };
}

/** The same as text. */
export async function read(from: Connected, topic: string, count: number): Promise<readonly Seen[]> {
  return (await from.messages(topic, count)).map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key === null ? null : key.toString(),
    value: value === null ? null : value.toString(),
    headers: headers.map(([name, content]) => [name, content === null ? null : content.toString()] as const),
  }));
}

/** Every codec of Kafka, and what this Node can do with it. */
export const codecs = compressionNames
  .filter(name => name !== 'none')
  .map(name => {
    const writes = works(() => compress(name, Buffer.from('bytes')));
    // where it can be written, it can be read; else a decoder complains of bytes that are none, and one that is not there of itself
    const reads = writes || !lacks(() => codecOf(name).decompress(Buffer.of(1, 2, 3), 100));
    return { name, reads, writes };
  });

function works(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

function lacks(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'TIDE_UNSUPPORTED';
  }
}

/** @throws AssertionError that shows the first line that differs, and not all of them. */
export function assertSameLines(actual: readonly (string | null)[], expected: readonly (string | null)[]): void {
  const differs = Array.from({ length: Math.max(actual.length, expected.length) }).findIndex((_, i) => actual[i] !== expected[i]);
  assert.deepEqual(actual[differs], expected[differs], `line ${differs} of ${actual.length}, where ${expected.length} are expected`);
}
