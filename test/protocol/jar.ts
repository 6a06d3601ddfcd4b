import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { REQUIRED } from '../kafka/availability.js';
import { classPath } from '../kafka/class-path.js';

/** Releases whose message files the protocol is held against: the newest, and the last that still had the oldest versions. */
export const releases = ['4.3.1', '3.9.2'] as const;
export type Release = (typeof releases)[number];

/**
 * Path of a release's kafka-clients jar, or undefined where Maven's cache lacks it.
 * With TIDEMARK_REQUIRE_KAFKA=1 Maven fetches it.
 */
export async function clientsJar(release: Release): Promise<string | undefined> {
  const name = `kafka-clients-${release}.jar`;
  const cached = join(homedir(), '.m2/repository/org/apache/kafka/kafka-clients', release, name);
  if (existsSync(cached)) return cached;
  if (!REQUIRED) return undefined;
  const found = (await classPath(release)).split(delimiter).find(path => basename(path) === name);
  if (found === undefined) throw new Error(`no ${name} on the class path of Kafka ${release}`);
  return found;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly size: number;
  readonly header: number;
}

function* entries(jar: Buffer): Generator<Entry> {
  let at = jar.readUInt32LE(endOfDirectory(jar) + 16);
  while (jar.readUInt32LE(at) === DIRECTORY_ENTRY) {
    const [nameLength, extraLength, commentLength] = [jar.readUInt16LE(at + 28), jar.readUInt16LE(at + 30), jar.readUInt16LE(at + 32)];
    const name = jar.toString('utf8', at + 46, at + 46 + nameLength);
    yield { name, method: jar.readUInt16LE(at + 10), size: jar.readUInt32LE(at + 20), header: jar.readUInt32LE(at + 42) };
    at += 46 + nameLength + extraLength + commentLength;
  }
}

/** The text of one file in a jar. */
export function readEntry(jar: Buffer, wanted: string): string {
  for (const { name, method, size, header } of entries(jar)) {
    if (name !== wanted) continue;
    const start = header + 30 + jar.readUInt16LE(header + 26) + jar.readUInt16LE(header + 28);
    const content = jar.subarray(start, start + size);
    return (method === 0 ? content : inflateRawSync(content)).toString('utf8');
  }
  throw new Error(`the jar has no ${wanted}`);
}

/** Names of all APIs that a release describes, as `Fetch`. */
export const describedApis = (jar: Buffer): string[] =>
  [...entries(jar)].flatMap(({ name }) => /^common\/message\/(\w+)Request\.json$/.exec(name)?.[1] ?? []);

function endOfDirectory(jar: Buffer): number {
  for (let at = jar.length - 22; at >= 0; at--) if (jar.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  throw new Error('not a jar');
}

/** A field as Kafka's own message files describe it. */
export interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly flexibleVersions?: string;
  readonly ignorable?: boolean;
  readonly fields?: readonly KafkaField[];
}

export interface KafkaMessage {
  readonly apiKey: number;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly KafkaField[] }[];
}

/** Kafka's own description of a message, such as `FetchRequest`. */
export function readMessage(jar: Buffer, name: string): KafkaMessage {
  const text = readEntry(jar, `common/message/${name}.json`);
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''));
}

export const readJar = (path: string): Buffer => readFileSync(path);

/** Whether Kafka's way of writing versions (`3`, `3+`, `0-7`, `none`) includes one. */
export function includes(versions: string | undefined, version: number): boolean {
  if (versions === undefined || versions === 'none') return false;
  const [first = '', last] = versions.endsWith('+') ? [versions.slice(0, -1), 'Infinity'] : versions.split('-');
  return version >= Number(first) && version <= Number(last ?? first);
}
