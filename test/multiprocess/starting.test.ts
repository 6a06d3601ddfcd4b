import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../kafka/project.js';
import { handler } from './setting.js';

/** Runs an example in a process whose threads cannot be started. */
const withoutThreads = (example: string) => {
  const preload = fileURLToPath(handler('no-threads.cjs'));
  const { NODE_TEST_CONTEXT: _, KAFKA_BROKERS: __, ...env } = process.env;
  return promisify(execFile)(process.execPath, ['--require', preload, join(PROJECT_ROOT, 'dist', 'examples', `${example}.js`)], { env });
};

test('threads that cannot be started end the run, with why', async () => {
  await assert.rejects(withoutThreads('threads'), {
    stderr: /KafkaError: a thread could not be started: not in a thread\b.*code: 'TIDE_THREAD'/s,
  });
});

test('where threads cannot be started, what is read without a handler is decompressed in the main thread', async () => {
  assert.equal((await withoutThreads('thread-reading')).stdout, '10000 lines\n');
});
