import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaClient } from '../../src/client/client.js';
import { ListOffsets, Metadata } from '../../src/protocol/index.js';
import { clientSetting, rejection } from './setting.js';

const place = { topic: 'orders', partition: 0 };

/** Every method of a client that waits, with options. */
const calls = (client: KafkaClient): Readonly<Record<string, (options: never) => Promise<unknown>>> => {
  const { offsets, send } = client;
  const coordinator = client.offsetCoordinator({ groupId: 'billing' });
  return {
    connect: options => client.connect(options),
    metadata: options => client.metadata(['orders'], options),
    topics: options => client.topics(options),
    ensureTopicExists: options => client.ensureTopicExists('orders', options),
    partitionCount: options => client.partitionCount('orders', options),
    partitionExists: options => client.partitionExists('orders', 0, options),
    fetch: options => client.fetch('orders', 0, 0, options),
    produce: options => client.produce('orders', 0, 'a', options),
    findCoordinator: options => client.findCoordinator('billing', options),
    request: options => client.request(Metadata, { topics: [] }, options),
    'offsets.earliest': options => offsets.earliest('orders', 0, options),
    'offsets.latest': options => offsets.latest('orders', 0, options),
    'offsets.atTime': options => offsets.atTime('orders', 0, 5, options),
    'offsets.beforeTime': options => offsets.beforeTime('orders', 0, 5, options),
    'offsets.list': options => offsets.list('orders', 0, options),
    commit: options => coordinator.commit('orders', 0, 1, options),
    commitMany: options => coordinator.commitMany([{ ...place, offset: 1 }], options),
    offset: options => coordinator.offset('orders', 0, options),
    offsetsOfGroup: options => coordinator.offsets([place], options),
    'send.produce': options => send.produce([{ ...place, messages: ['a'] }], options),
    'send.fetch': options => send.fetch([{ ...place, offset: 0 }], options),
    'send.listOffsets': options => send.listOffsets([{ ...place, at: 'latest' }], options),
    'send.commit': options => send.commit('billing', [{ ...place, offset: 1 }], options),
    'send.fetchOffsets': options => send.fetchOffsets('billing', [place], options),
  };
};

test('options that are none, that nobody knows, and signals that are none are TIDE_OPTION, and nothing is sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const stop = new AbortController();
  for (const [name, call] of Object.entries(calls(client))) {
    for (const options of [null, 5, 'signal', { sginal: stop.signal }, { signal: {} }, { signal: null }, { signal: stop }]) {
      const given = JSON.stringify(options);
      const { code, message } = await rejection(call(options as never));
      assert.equal(code, 'TIDE_OPTION', `${name} ${given}: ${message}`);
    }
  }
  assert.equal(cluster.requests().length, 0);
});

test('a signal that is aborted ends each of them with its reason', async t => {
  const { client } = await clientSetting(t);
  for (const [name, call] of Object.entries(calls(client))) {
    const outcome = await call({ signal: AbortSignal.abort('enough') } as never).catch((reason: unknown) => reason);
    assert.equal(outcome, 'enough', name);
  }
});

test('what is no list, no payload, or names no topics, is TIDE_INPUT, and nothing is sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const { send } = client;
  const hole = new Array<never>(1);
  const wrong: Record<string, () => Promise<unknown>> = {
    'a name for names': () => client.metadata('orders' as never),
    'null for names': () => client.metadata(null as never),
    'null among names': () => client.metadata([null] as never),
    'null to produce': () => send.produce([null] as never),
    'nothing to produce': () => send.produce(hole),
    'nothing among messages': () => send.produce([{ ...place, messages: hole }]),
    'nothing to fetch': () => send.fetch(hole),
    'nothing to look for': () => send.listOffsets(hole),
    'nothing to commit': () => send.commit('billing', hole),
  };
  for (const [name, call] of Object.entries(wrong)) {
    const { code, message } = await rejection(call());
    assert.equal(code, 'TIDE_INPUT', `${name}: ${message}`);
  }
  assert.equal(cluster.requests().length, 0);
});

test('a request to nobody in particular names what "to" may be', async t => {
  const { cluster, client } = await clientSetting(t);
  for (const to of ['leader', 5, null, {}, { leader: place }, { broker: '1' }, { topic: 'orders' }, { group: '' }, { transaction: 5 }]) {
    const { code, message } = await rejection(client.request(ListOffsets, { replicaId: -1, topics: [] }, { to: to as never }));
    assert.equal(code, 'TIDE_OPTION', JSON.stringify(to));
    assert.match(
      message,
      /^request: "to" must be 'any', 'controller', \{ broker \}, \{ topic, partition \}, \{ group \} or \{ transaction \}, got /,
    );
  }
  assert.equal(cluster.requests().length, 0);
});
