import { join } from 'node:path';
import { classPath } from '../kafka/class-path.js';
import { javaCommand } from '../kafka/java.js';
import { run } from '../kafka/process.js';
import { PROJECT_ROOT } from '../kafka/project.js';

/** Where the bytes that Kafka's own classes wrote are kept. */
export const RECORDS_FOLDER = join(PROJECT_ROOT, 'test/golden/records');

/** What KafkaRecords.java prints when told to `command`. Needs Java and Maven. */
export async function kafkaRecords(command: 'write' | 'read' | 'write-old' | 'read-old' | 'murmur2', input = ''): Promise<string> {
  const program = join(RECORDS_FOLDER, 'KafkaRecords.java');
  const { code, stdout, stderr } = await run(javaCommand(), ['-cp', await classPath('4.1.2'), program, command], {
    input,
    timeoutMs: 120_000,
  });
  if (code !== 0) throw new Error(`KafkaRecords ${command} ended with ${code}\n${stderr}`);
  return stdout;
}
