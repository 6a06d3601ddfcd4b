import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import type { RequestTrace } from '../../src/base/diagnostics.js';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import type { KafkaCluster } from '../kafka/kafka.js';
import { ways } from './secured.js';

export interface ReauthRun {
  /** Messages sent and read, by mechanism. */
  readonly produced: Readonly<Record<string, number>>;
  readonly consumed: Readonly<Record<string, number>>;
  /** Every request that failed, and every connection that was lost. */
  readonly failures: readonly string[];
  readonly connections: number;
  /** How often a connection that stood was authenticated again. */
  readonly renewals: number;
}

/**
 * With each mechanism, sends and reads for a while through sessions of a few seconds: one producer that waits for acknowledgements, one
 * that does not (acks 0), and a consumer that checks the order. Whatever fails is seen, also what is tried again.
 */
export async function reauthenticated(kafka: KafkaCluster, forMs: number): Promise<ReauthRun> {
  const failures: string[] = [];
  let connections = 0;
  let authentications = 0;
  const watch = (message: unknown) => {
    const { api, error } = message as RequestTrace;
    if (api === 'SaslHandshake') authentications += 1;
    if (error !== undefined && !isClosing(error)) failures.push(`${api}: ${error.message}`);
  };
  const clients: KafkaClient[] = [];
  const connect = (name: keyof typeof ways) => {
    const client = new KafkaClient({ brokers: kafka.bootstrapOf('REAUTH'), sasl: ways[name] });
    client.on('connection', ({ kind, error }) => {
      if (kind === 'opened') connections += 1;
      else if (!isClosing(error)) failures.push(`${name}: connection ${kind}: ${error?.message}`);
    });
    clients.push(client);
    return client;
  };
  const names = Object.keys(ways) as (keyof typeof ways)[];
  const topics = await Promise.all(names.map(() => kafka.createTopic({ partitions: 2 })));
  const until = performance.now() + forMs;
  const one = async (name: keyof typeof ways, topic: string): Promise<readonly [name: string, produced: number, consumed: number]> => {
    const told = (why: string) => failures.push(`${name}: ${why}`);
    const [sure, unsure] = [connect(name), connect(name)];
    const sending = Promise.all([
      produce(sure, 'all', { topic, partition: 0, until, told }),
      produce(unsure, 0, { topic, partition: 1, until, told }),
    ]);
    const total = sending.then(([first, second]) => first + second);
    const consumed = await consume(sure, { topic, total, until, told });
    return [name, await total, consumed];
  };
  subscribe('tidemark:request', watch);
  try {
    const runs = await Promise.all(names.map((name, i) => one(name, topics[i] ?? '')));
    const produced = Object.fromEntries(runs.map(([name, count]) => [name, count]));
    const consumed = Object.fromEntries(runs.map(([name, , count]) => [name, count]));
    return { produced, consumed, failures: [...failures], connections, renewals: authentications - connections };
  } finally {
    await Promise.all(clients.map(client => client.close()));
    unsubscribe('tidemark:request', watch);
  }
}

/** @throws AssertionError unless every session was renewed all the time, and nothing failed for it. */
export function assertSeamless({ produced, consumed, failures, connections, renewals }: ReauthRun, renewalsEach: number): void {
  assert.deepEqual(failures, []);
  assert.deepEqual(consumed, produced);
  assert.ok(
    Object.values(produced).every(count => count > 100),
    JSON.stringify(produced),
  );
  assert.ok(renewals >= renewalsEach * connections, `${renewals} renewals of ${connections} connections`);
}

interface Traffic {
  readonly topic: string;
  readonly until: number;
  readonly told: (failure: string) => void;
}

async function produce(
  client: KafkaClient,
  acks: 'all' | 0,
  { topic, partition, until, told }: Traffic & { partition: number },
): Promise<number> {
  const producer = new KeyedProducer(client, { acks, idempotent: false, onUnsure: 'reject', partitioner: () => partition });
  let sent = 0;
  while (performance.now() < until) {
    const calls = Array.from({ length: 5 }, () => producer.send({ topic, key: 'k', value: String(sent++) }));
    for (const result of await Promise.allSettled(calls)) if (result.status === 'rejected') told(`acks ${acks}: ${result.reason}`);
    await delay(5);
  }
  return sent;
}

async function consume(client: KafkaClient, { topic, total, until, told }: Traffic & { total: Promise<number> }): Promise<number> {
  const consumer = new SimpleConsumer(client, { topic, groupId: topic, maxWaitMs: 300 });
  const next = [0, 0];
  let consumed = 0;
  let wanted = Number.POSITIVE_INFINITY;
  void total.then(known => {
    wanted = known;
  });
  while (consumed < wanted && performance.now() < until + 10_000) {
    for (const { partition, value } of await consumer.getMessages(100, { timeoutMs: 100 })) {
      if (value?.toString() !== String(next[partition])) told(`partition ${partition}: ${value} instead of ${next[partition]}`);
      next[partition] = Number(value) + 1;
      consumed += 1;
    }
  }
  return consumed;
}

const isClosing = (error: Error | undefined): boolean => error instanceof KafkaError && error.code === 'TIDE_CLOSED';
