import { createHash, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './process.js';
import { harnessFile } from './project.js';
import { type KafkaVersion, releaseOf } from './versions.js';

const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidemark');
const paths = new Map<KafkaVersion, Promise<string>>();
const POM = harnessFile('pom.xml');

/**
 * The Java class path of one release. The first call of a machine lets Maven fetch about 60 MB into its own cache (3-9 s);
 * after that a small file in the user's cache directory answers, for as long as pom.xml is unchanged and the jars are there.
 */
export function classPath(version: KafkaVersion): Promise<string> {
  const known = paths.get(version) ?? find(version);
  paths.set(version, known);
  return known;
}

async function find(version: KafkaVersion): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  const file = join(CACHE, `class-path-${version}-${hash}.txt`);
  const cached = readCached(file);
  if (cached) return cached;
  mkdirSync(CACHE, { recursive: true });
  const unlock = await lock(join(CACHE, 'maven.lock')); // Maven's cache is not made for two writers
  try {
    return readCached(file) ?? (await resolve(version, file));
  } finally {
    unlock();
  }
}

async function resolve(version: KafkaVersion, file: string): Promise<string> {
  const { scala, profiles } = releaseOf(version);
  const fresh = `${file}.${process.pid}`;
  const goal = ['dependency:build-classpath', '-DincludeScope=runtime', `-Dmdep.outputFile=${fresh}`];
  const args = [
    '-q',
    '-B',
    '-ntp',
    '-f',
    POM,
    `-P${profiles.join(',')}`,
    `-Dkafka.version=${version}`,
    `-Dscala.version=${scala}`,
    ...goal,
  ];
  const { code, stdout, stderr } = await run('mvn', args, { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`Maven could not resolve Kafka ${version} (exit code ${code})\n${stdout}${stderr}`);
  renameSync(fresh, file);
  return readFileSync(file, 'utf8').trim();
}

function readCached(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const path = readFileSync(file, 'utf8').trim();
  return path !== '' && path.split(delimiter).every(jar => existsSync(jar)) ? path : undefined;
}

/** Waits until this caller alone holds `file`; a lock whose owner is dead is taken over. */
async function lock(file: string): Promise<() => void> {
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, String(process.pid));
  try {
    while (!acquire(mine, file)) {
      const owner = readOwner(file);
      if (owner !== undefined && !isAlive(owner)) rmSync(file, { force: true });
      else await delay(200);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

function acquire(mine: string, file: string): boolean {
  try {
    linkSync(mine, file); // appears with its content, or not at all
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function readOwner(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined; // released in the meantime
    throw error;
  }
}

/** Whether a process with this pid exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;
