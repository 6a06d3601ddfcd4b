import { fork } from 'node:child_process';
import { once } from 'node:events';
import { measured, summary, type Usage } from './usage.js';

/*
 * What writing costs the client: against a broker in a process beside that answers every batch and keeps none (produce-broker.ts), each run
 * in a process of its own, the kinds of runs in turn, forth and back. Marks, in CPU-seconds per million records of 100 bytes: in bulk 0.6, a
 * promise per record with 10,000 outstanding 1.0; in bulk of 1 KiB 2.5; a send that is awaited 120, which is microseconds of each.
 *   node produce.js [WAY ...]
 */
const ROUNDS = 5;
const million = 1_000_000;
const kinds: readonly { way: string; count: number; valueBytes?: number; codec?: string; code?: string }[] = [
  { way: 'sendMessages', count: 2 * million },
  { way: 'strings', count: 2 * million },
  { way: 'sendMany', count: 2 * million },
  { way: 'keyed', count: 2 * million },
  { way: 'sendMany', count: million / 2, valueBytes: 1024 },
  { way: 'sendMany', count: million, codec: 'lz4' },
  { way: 'sendMany', count: million, codec: 'lz4', code: 'portable' },
  { way: 'sendMany', count: million, code: 'portable' },
  { way: 'send', count: million },
  { way: 'send, 10,000 callers', count: million },
  { way: 'send, 100 callers', count: million / 2 },
  { way: 'send, awaited', count: 20_000 },
];

const asked = process.argv.slice(2);
const broker = fork(new URL('./produce-broker.js', import.meta.url));
const [addresses] = (await once(broker, 'message')) as [string[]];
const runs = new Map<string, Usage[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const { way, count, valueBytes = 100, codec = 'none', code = 'native' } of round % 2 === 0 ? kinds : kinds.toReversed()) {
    if (asked.length > 0 && !asked.includes(way)) continue;
    const name = [way, `${valueBytes} B`, ...(codec === 'none' ? [] : [codec]), ...(code === 'native' ? [] : [code])].join(', ');
    const usage = await measured('kafka-writer.js', [addresses.join(), 'bench', way, count, count / 5, valueBytes, codec, code]);
    runs.set(name, [...(runs.get(name) ?? []), usage]);
  }
}
broker.disconnect();
for (const [name, usages] of runs) console.log(summary(name, usages));
