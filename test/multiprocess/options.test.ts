import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { KafkaClient } from '../../src/client/client.js';
import { MultiProcessConsumer, type MultiProcessConsumerOptions } from '../../src/multiprocess/index.js';
import { KeyedProducer } from '../../src/producer/index.js';

test('options that cannot be are refused with what was expected', async () => {
  await using client = new KafkaClient({ brokers: 'localhost' });
  const producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const wrong: readonly (readonly [MultiProcessConsumerOptions, RegExp])[] = [
    [{ threads: 0 }, /"threads" must be an integer from 1 to 1024, got 0/],
    [{ partitionsPerThread: 1.5 }, /"partitionsPerThread"/],
    [{ threads: 2, partitionsPerThread: 2 }, /threads and partitionsPerThread say the same in two ways/],
    [{ ordering: 'keys' as 'key' }, /"ordering" must be one of "partition", "key", "none", got "keys"/],
    [{ concurrency: 0 }, /"concurrency"/],
    [{ maxAttempts: 0 }, /"maxAttempts"/],
    [{ retryBackoffMs: -1 }, /"retryBackoffMs"/],
    [{ handlerTimeoutMs: 0 }, /"handlerTimeoutMs"/],
    [{ threadMemoryMb: 7 }, /"threadMemoryMb" must be an integer from 8 to 1000000, got 7/],
    [{ onPoison: 'ignore' as 'skip' }, /"onPoison" must be 'stop', 'skip' or \{ topic \}, got "ignore"/],
    [{ onPoison: { topic: '' } }, /"onPoison"/],
    [{ onPoison: { topic: 'a b' } }, /onPoison/],
    [{ onPoison: { topic: 'dead', more: 1 } as { topic: string } }, /"onPoison"/],
    [{ groupProtocol: 'new' as 'classic' }, /"groupProtocol"/],
    [{ autoCommit: true }, /autoCommit needs a groupId/],
    [
      { groupId: 'g', producer, marking: 'explicit', ordering: 'key' },
      /marking "explicit", ordering "key" and a transactional producer cannot be/,
    ],
    [{ transactionMs: 500 }, /transactionMs is for a producer with a transactionalId/],
    [{ consumerTimeoutMs: 5 } as MultiProcessConsumerOptions, /unknown option "consumerTimeoutMs"/],
    [{ heartbeatMs: 5000, sessionTimeoutMs: 5000, groupId: 'g' }, /heartbeatMs \(5000\) must be less than sessionTimeoutMs/],
    [{ numProcs: 2 } as MultiProcessConsumerOptions, /unknown option "numProcs"; did you mean "threads"\?$/],
    [{ retries: 2 } as MultiProcessConsumerOptions, /unknown option "retries"; did you mean "maxAttempts"\?$/],
    [{ workerData: 2 } as MultiProcessConsumerOptions, /"workerData" is an option of run\(handlerModule, options\)/],
  ];
  for (const [options, message] of wrong) {
    const make = () => new MultiProcessConsumer(client, { topics: 'orders', ...options });
    assert.throws(make, (error: Error) => /^MultiProcessConsumer/.test(error.message) && message.test(error.message));
  }
  const fleet = new MultiProcessConsumer(client, { topics: 'orders' });
  assert.match(inspect(fleet), /^MultiProcessConsumer \{ groupId: undefined/);
  for (const module of [undefined, 5, './handler.js', '', {}]) {
    await assert.rejects(fleet.run(module as string), { code: 'TIDE_INPUT', message: /run\(\): expected the handler module as a URL/ });
  }
  await assert.rejects(fleet.run(import.meta.url, { onResults: () => {} } as object), {
    code: 'TIDE_OPTION',
    message: /did you mean "onResult"/,
  });
  await assert.rejects(fleet.run(import.meta.url, { onResult: 5 } as object), { code: 'TIDE_OPTION' });
});
