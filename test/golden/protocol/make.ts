import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { classPath } from '../../kafka/class-path.js';
import { javaCommand } from '../../kafka/java.js';
import { run } from '../../kafka/process.js';
import { PROJECT_ROOT } from '../../kafka/project.js';
import { allCases, bare, type Case, given } from '../../protocol/messages.js';

// Writes frames.jsonl and errors-4.3.1.txt anew from Kafka's own classes. Run it by hand after adding an API:
//   npm run build && node dist/test/golden/protocol/make.js

const FOLDER = join(PROJECT_ROOT, 'test/golden/protocol');

interface Message {
  readonly key: number;
  readonly api: string;
  readonly part: string;
  readonly version: number;
  /** `full` has a value in every field; for the others see `bare`. */
  readonly set: 'full' | 'nulls' | 'empties';
  readonly body: unknown;
}

async function java(release: '4.3.1' | '3.9.2', program: string, input: string): Promise<string[]> {
  const { code, stdout, stderr } = await run(javaCommand(), ['-cp', await classPath(release), join(FOLDER, `${program}.java`)], {
    input,
    timeoutMs: 120_000,
  });
  if (code !== 0) throw new Error(`${program} on Kafka ${release} ended with ${code}\n${stderr}`);
  return stdout.split('\n').filter(line => line !== '');
}

/**
 * JSON as Kafka's classes read it: bytes are base64, and a float64 has to look like one.
 * The only numbers called "value" are those of quotas, which are float64.
 */
const toJson = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key, plain) {
    const original = this[key];
    if (key === 'value' && typeof plain === 'number') return `float ${plain}`;
    return Buffer.isBuffer(original) ? original.toString('base64') : plain;
  }).replace(/"float (-?\d+)([^"]*)"/g, (_, digits, rest) => digits + (rest === '' ? '.0' : rest));

/** Of some messages the largest that is still small; the same in every run. */
function chosen(one: Case): object | undefined {
  const bodies = fc.sample(given(one.shape, one.version, 'never'), { numRuns: 100, seed: 7 });
  const bySize = bodies.sort((a, b) => toJson(a).length - toJson(b).length);
  return bySize.findLast(body => toJson(body).length <= 300) ?? bySize[0];
}

function* messagesOf(one: Case): Generator<Message> {
  const bodies = {
    full: chosen(one) ?? {},
    nulls: bare(one.shape, one.version, 'nulls'),
    empties: bare(one.shape, one.version, 'empties'),
  };
  const seen = new Set<string>();
  for (const set of ['full', 'nulls', 'empties'] as const) {
    const body = bodies[set];
    if (seen.has(toJson(body))) continue;
    seen.add(toJson(body));
    yield { key: one.api.key, api: one.api.name, part: one.part, version: one.version, set, body };
  }
}

const messages = allCases.flatMap(one => [...messagesOf(one)]);
const keyOf = ({ key, part, version, set }: Message): string => `${key} ${part} ${version} ${set}`;
const made = new Map<string, string>();
for (const release of ['4.3.1', '3.9.2'] as const) {
  const open = messages.filter(message => !made.has(keyOf(message)));
  for (const line of await java(release, 'KafkaFrames', `${open.map(toJson).join('\n')}\n`)) made.set(keyOf(JSON.parse(line)), line);
}
const missing = messages.filter(message => !made.has(keyOf(message)));
if (missing.length > 0) throw new Error(`no frame of ${missing.map(keyOf).join(', ')}`);
writeFileSync(join(FOLDER, 'frames.jsonl'), `${messages.map(message => made.get(keyOf(message))).join('\n')}\n`);
writeFileSync(join(FOLDER, 'errors-4.3.1.txt'), `${(await java('4.3.1', 'KafkaErrors', '')).join('\n')}\n`);
