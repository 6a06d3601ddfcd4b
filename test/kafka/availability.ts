import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { javaCommand } from './java.js';

/** Set to 1, it turns the absence of real Kafka (or of kcat) from a visible skip into a failure. */
export const REQUIRED = process.env['TIDEMARK_REQUIRE_KAFKA'] === '1';

/** The path of a program, or undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(isExecutable);
}

/** What this machine lacks for real Kafka, in words: `Maven (mvn)`. Undefined when nothing is missing. */
export function missingForKafka(): string | undefined {
  const missing = [javaMajor() >= 17 ? '' : 'Java 17 or later', findProgram('mvn') ? '' : 'Maven (mvn)'].filter(Boolean);
  return missing.length > 0 ? missing.join(' and ') : undefined;
}

/** What this machine lacks for tests against kcat. */
export const missingKcat = (): string | undefined => (findProgram('kcat') ? undefined : 'kcat');

function javaMajor(): number {
  const { stderr } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' });
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(stderr ?? '') ?? [];
  return Number(first === '1' ? second : (first ?? 0)); // 1.8 is 8
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
