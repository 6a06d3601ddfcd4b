import type { Log, LogFields } from '../base/log.js';
import type { PartitionResult } from './partitions.js';
import type { Settled } from './results.js';
import type { TopicResult } from './topics.js';

/** What became of each topic: `done` says it in a word. */
export function logResults(log: Log, done: string, results: readonly TopicResult[]): void {
  for (const result of results) logResult(log, done, { topic: result.name }, result);
}

/** What became of each partition: `done` says it in a few words. */
export function logPartitions(log: Log, done: string, results: readonly PartitionResult[]): void {
  for (const result of results) logResult(log, done, { topic: result.topic, partition: result.partition }, result);
}

function logResult(log: Log, done: string, fields: LogFields, { error }: Settled): void {
  if (error === undefined) log.say('Admin', 'info', done, fields);
  else log.say('Admin', 'warn', `not ${done}`, { ...fields, code: error.code, error: error.message });
}
