import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { classPath } from '../../kafka/class-path.js';
import { javaCommand } from '../../kafka/java.js';
import { run } from '../../kafka/process.js';
import { PROJECT_ROOT } from '../../kafka/project.js';

// Writes groups.txt and messages.txt anew from Kafka's own assignors. Two releases have to agree. Run it by hand after changing
// KafkaAssignors.java:
//   npm run build && node dist/test/golden/assignors/make.js

const folder = join(PROJECT_ROOT, 'test/golden/assignors');

async function java(release: '4.1.2' | '3.9.2', what: string): Promise<string> {
  const program = join(folder, 'KafkaAssignors.java');
  const { code, stdout, stderr } = await run(javaCommand(), ['-cp', await classPath(release), program, what], { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`KafkaAssignors on Kafka ${release} ended with ${code}\n${stderr}`);
  return stdout;
}

for (const what of ['groups', 'messages']) {
  const [written, before] = [await java('4.1.2', what), await java('3.9.2', what)];
  if (written !== before) throw new Error(`Kafka 4.1.2 and 3.9.2 do not agree on ${what}`);
  writeFileSync(join(folder, `${what}.txt`), written);
}
