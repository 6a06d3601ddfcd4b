import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { classPath } from '../../kafka/class-path.js';
import { javaCommand } from '../../kafka/java.js';
import { run } from '../../kafka/process.js';
import { PROJECT_ROOT } from '../../kafka/project.js';
import { allCases, type Case, given, title } from '../../protocol/messages.js';

// Writes frames.jsonl and errors-4.3.1.txt anew from Kafka's own classes. Run it by hand after adding an API:
//   npm run build && node dist/test/golden/protocol/make.js

const FOLDER = join(PROJECT_ROOT, 'test/golden/protocol');

interface Message {
  readonly key: number;
  readonly api: string;
  readonly part: string;
  readonly version: number;
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

/** JSON as Kafka's classes read it: bytes are base64. */
const toJson = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key, plain) {
    const original = this[key];
    return Buffer.isBuffer(original) ? original.toString('base64') : plain;
  });

/** Of some messages the largest that is still small; the same in every run. */
function chosen(one: Case): object | undefined {
  const bodies = fc.sample(given(one.shape, one.version, 'never'), { numRuns: 100, seed: 7 });
  const bySize = bodies.sort((a, b) => toJson(a).length - toJson(b).length);
  return bySize.findLast(body => toJson(body).length <= 300) ?? bySize[0];
}

const messages = allCases.map(
  (one): Message => ({ key: one.api.key, api: one.api.name, part: one.part, version: one.version, body: chosen(one) }),
);

const keyOf = ({ key, part, version }: Message): string => `${key} ${part} ${version}`;
const made = new Map<string, string>();
for (const release of ['4.3.1', '3.9.2'] as const) {
  const open = messages.filter(message => !made.has(keyOf(message)));
  for (const line of await java(release, 'KafkaFrames', `${open.map(toJson).join('\n')}\n`)) made.set(keyOf(JSON.parse(line)), line);
}
const missing = allCases.filter(({ api, part, version }) => !made.has(`${api.key} ${part} ${version}`));
if (missing.length > 0) throw new Error(`no frame of ${missing.map(title).join(', ')}`);
writeFileSync(join(FOLDER, 'frames.jsonl'), `${messages.map(message => made.get(keyOf(message))).join('\n')}\n`);
writeFileSync(join(FOLDER, 'errors-4.3.1.txt'), `${(await java('4.3.1', 'KafkaErrors', '')).join('\n')}\n`);
