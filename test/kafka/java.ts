import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { classPath } from './class-path.js';
import { harnessFile } from './project.js';
import type { KafkaVersion } from './versions.js';

// Small and quick to start rather than fast: several of them share two cores with the tests.
const JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-Djava.awt.headless=true'];
const LOGGING = [
  `-Dlog4j.configuration=file:${harnessFile('log4j.properties')}`,
  `-Dlog4j2.configurationFile=${harnessFile('log4j2.properties')}`,
];

/** The `java` to use: JAVA_HOME's, or the one on the path. */
export function javaCommand(): string {
  const home = process.env['JAVA_HOME'];
  const own = home === undefined ? '' : join(home, 'bin', 'java');
  return existsSync(own) ? own : 'java';
}

/** Arguments of `java` that run a main class of one Kafka release. */
export async function javaArguments(
  version: KafkaVersion,
  { heapMiB, logLevel }: { heapMiB: number; logLevel: 'INFO' | 'WARN' },
): Promise<string[]> {
  return [`-Xmx${heapMiB}m`, ...JVM, ...LOGGING, `-Dkafka.log.level=${logLevel}`, '-cp', await classPath(version)];
}
