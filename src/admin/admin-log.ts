import type { Log } from '../base/log.js';
import type { TopicResult } from './topics.js';

/** What became of each topic: `done` says it in a word. */
export function logResults(log: Log, done: string, results: readonly TopicResult[]): void {
  for (const { name: topic, error } of results) {
    if (error === undefined) log.say('Admin', 'info', done, { topic });
    else log.say('Admin', 'warn', `not ${done}`, { topic, code: error.code, error: error.message });
  }
}
