import { writeSync } from 'node:fs';
import type { KafkaConsumer } from '../../src/index.js';

/** Writes a line to stdout, at once: the kernel keeps it, whatever becomes of this process. */
export const note = (...words: readonly unknown[]): unknown => writeSync(1, `${words.join(' ')}\n`);

/** Notes when which partitions are assigned (`+`), revoked (`-`) and lost (`!`). */
export function noteChanges(consumer: Pick<KafkaConsumer, 'on'>): void {
  for (const [event, sign] of [
    ['assigned', '+'],
    ['revoked', '-'],
    ['lost', '!'],
  ] as const)
    consumer.on(event, ({ partitions }) => note(sign, Date.now(), partitions.map(({ partition }) => partition).join()));
}
