import { threadId } from 'node:worker_threads';
import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

/** Gives what it sees. */
export default function handle({ offset, partition, key, value, headers, timestamp }: Message, { attempt, threadIndex }: MessageContext) {
  const text = (bytes: Buffer | null) => (bytes === null ? null : bytes.toString());
  return {
    offset,
    partition,
    key: text(key),
    value: text(value),
    headers: headers.map(([name, each]) => [name, text(each)]),
    timestamp,
    attempt,
    threadIndex,
    threadId,
  };
}
