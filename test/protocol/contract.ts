/**
 * Holds a definition of ours against Kafka's own description of the same message, field by field.
 */
import { defaultOf } from '../../src/protocol/defaults.js';
import type { AnyField, Shape } from '../../src/protocol/schema.js';
import { includes, type KafkaField, type KafkaMessage } from './jar.js';
import { isPresent } from './messages.js';

/** What both sides say of a field in one version. */
interface FieldLine {
  /** From the outermost struct, as `topics.partitions.fetchOffset`. */
  readonly path: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly tag: number | undefined;
  readonly default: string;
}

/** Half of an API of ours in one version. */
export interface Definition {
  readonly key: number;
  readonly flexible: boolean;
  readonly shape: Shape;
}

/** Each way in which `definition` is not what `message` describes for `version`; every line names the field. Empty: they agree. */
export function differences({ key, flexible, shape }: Definition, message: KafkaMessage, version: number): string[] {
  const [own, kafkas] = [ourLines(shape, version), kafkaLines(message, version)];
  const found: string[] = [];
  if (key !== message.apiKey) found.push(`key ${key}, but Kafka has ${message.apiKey}`);
  const kafkaFlexible = includes(message.flexibleVersions, version);
  if (flexible !== kafkaFlexible) found.push(`${flexible ? 'flexible' : 'not flexible'}, but Kafka has the opposite`);
  const byPath = new Map(own.map(line => [line.path, line]));
  for (const kafka of kafkas) {
    const ours = byPath.get(kafka.path);
    if (ours === undefined) found.push(`field ${kafka.path}: missing, but Kafka has ${text(kafka)}`);
    else if (text(ours) !== text(kafka)) found.push(`field ${kafka.path}: ${text(ours)}, but Kafka has ${text(kafka)}`);
  }
  const paths = new Set(kafkas.map(({ path }) => path));
  for (const { path } of own) if (!paths.has(path)) found.push(`field ${path}: Kafka has none`);
  if (found.length > 0) return found;
  const moved = own.findIndex(({ path }, index) => path !== kafkas[index]?.path);
  return moved < 0 ? [] : [`field ${own[moved]?.path}: stands where Kafka has ${kafkas[moved]?.path}`];
}

const text = ({ type, nullable, tag, default: fallback }: FieldLine): string =>
  `${type}${nullable ? ' or null' : ''}${tag === undefined ? '' : `, tag ${tag}`}, default ${fallback}`;

/** The fields of a version, in wire order; tagged ones behind the others, by tag. */
function ourLines(shape: Shape, version: number, path = ''): FieldLine[] {
  const present = Object.entries(shape).filter(([, field]) => isPresent(field, version));
  return inOrder(present, ([, field]) => field.facts.tag).flatMap(([name, field]) => {
    const { type, facts } = field;
    const inner = type.kind === 'array' ? type.of.type : type;
    const line = {
      path: path + name,
      type: (type.kind === 'array' ? '[]' : '') + (inner.kind === 'timestamp' ? 'int64' : inner.kind),
      nullable: version >= facts.nullableFrom,
      tag: facts.tag,
      default: ourDefault(field),
    };
    return inner.kind === 'struct' ? [line, ...ourLines(inner.shape, version, `${path}${name}.`)] : [line];
  });
}

const known = new WeakMap<KafkaMessage, Map<number, readonly FieldLine[]>>();

function kafkaLines(message: KafkaMessage, version: number): readonly FieldLine[] {
  const versions = known.get(message) ?? new Map<number, readonly FieldLine[]>();
  known.set(message, versions);
  const lines = versions.get(version) ?? linesOf(message, message.fields, version, '');
  versions.set(version, lines);
  return lines;
}

function linesOf(message: KafkaMessage, fields: readonly KafkaField[], version: number, path: string): FieldLine[] {
  const present = fields.filter(field => includes(field.versions, version));
  const tagOf = (field: KafkaField): number | undefined => (includes(field.taggedVersions, version) ? field.tag : undefined);
  return inOrder(present, tagOf).flatMap(field => {
    const name = path + camelCase(field.name);
    const members = membersOf(message, field);
    const isArray = field.type.startsWith('[]');
    const type = members === undefined ? field.type : isArray ? '[]struct' : 'struct';
    const nullable = includes(field.nullableVersions, version);
    const line = { path: name, type, nullable, tag: tagOf(field), default: kafkaDefault(type, field.default) };
    return members === undefined ? [line] : [line, ...linesOf(message, members, version, `${name}.`)];
  });
}

function inOrder<T>(fields: readonly T[], tagOf: (field: T) => number | undefined): T[] {
  const plain = fields.filter(field => tagOf(field) === undefined);
  const tagged = fields.filter(field => tagOf(field) !== undefined);
  return [...plain, ...tagged.sort((a, b) => (tagOf(a) ?? 0) - (tagOf(b) ?? 0))];
}

export const camelCase = (name: string): string => name.slice(0, 1).toLowerCase() + name.slice(1);

/** The fields of the struct, or of the elements, that a field is made of. */
export function membersOf(message: KafkaMessage, field: KafkaField): readonly KafkaField[] | undefined {
  const name = field.type.replace('[]', '');
  return field.fields ?? message.commonStructs?.find(struct => struct.name === name)?.fields;
}

function ourDefault(field: AnyField): string {
  const value = defaultOf(field);
  if (value === null) return 'null';
  if (field.type.kind === 'struct') return 'of its fields';
  if (field.type.kind === 'uuid') return value === 'AAAAAAAAAAAAAAAAAAAAAA' ? 'none' : String(value);
  return typeof value === 'object' && 'length' in value && value.length === 0 ? 'empty' : JSON.stringify(value);
}

function kafkaDefault(type: string, value: string | number | boolean = ''): string {
  if (value === 'null') return 'null';
  if (type === 'struct') return 'of its fields';
  if (type.startsWith('[]') || type === 'bytes' || type === 'records') return 'empty';
  if (type === 'uuid') return 'none';
  if (type === 'string') return JSON.stringify(value);
  if (type === 'bool') return String(value === true || value === 'true');
  return String(Number(value));
}
