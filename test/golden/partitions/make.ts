import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { classPath } from '../../kafka/class-path.js';
import { javaCommand } from '../../kafka/java.js';
import { run } from '../../kafka/process.js';
import { PROJECT_ROOT } from '../../kafka/project.js';

// Writes java.txt anew from Kafka's own producer. Run it by hand after changing KafkaPartitions.java:
//   npm run build && node dist/test/golden/partitions/make.js

const folder = join(PROJECT_ROOT, 'test/golden/partitions');
const program = join(folder, 'KafkaPartitions.java');
const { code, stdout, stderr } = await run(javaCommand(), ['-cp', await classPath('4.1.2'), program], { timeoutMs: 120_000 });
if (code !== 0) throw new Error(`KafkaPartitions ended with ${code}\n${stderr}`);
writeFileSync(join(folder, 'java.txt'), stdout);
