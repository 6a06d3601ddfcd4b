/**
 * The topic configurations a broker of Kafka knows, with their defaults. The embedded cluster acts on `max.message.bytes`,
 * `message.timestamp.type`, `min.insync.replicas` and `retention.bytes`; it keeps and shows the others.
 * Source: https://kafka.apache.org/documentation/#topicconfigs
 */
export const topicConfigDefaults: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'delete'],
  ['compression.type', 'producer'],
  ['delete.retention.ms', '86400000'],
  ['file.delete.delay.ms', '60000'],
  ['flush.messages', '9223372036854775807'],
  ['flush.ms', '9223372036854775807'],
  ['index.interval.bytes', '4096'],
  ['max.compaction.lag.ms', '9223372036854775807'],
  ['max.message.bytes', '1048588'],
  ['message.timestamp.after.max.ms', '9223372036854775807'],
  ['message.timestamp.before.max.ms', '9223372036854775807'],
  ['message.timestamp.type', 'CreateTime'],
  ['min.cleanable.dirty.ratio', '0.5'],
  ['min.compaction.lag.ms', '0'],
  ['min.insync.replicas', '1'],
  ['preallocate', 'false'],
  ['retention.bytes', '-1'],
  ['retention.ms', '604800000'],
  ['segment.bytes', '1073741824'],
  ['segment.index.bytes', '10485760'],
  ['segment.jitter.ms', '0'],
  ['segment.ms', '604800000'],
  ['unclean.leader.election.enable', 'false'],
]);

/** The configurations the embedded cluster acts on, and the values they take. */
const checks: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['max.message.bytes', value => isInteger(value, 0)],
  ['message.timestamp.type', value => value === 'CreateTime' || value === 'LogAppendTime'],
  ['min.insync.replicas', value => isInteger(value, 1)],
  ['retention.bytes', value => isInteger(value, -1)],
]);

const isInteger = (value: string, min: number): boolean =>
  /^-?\d+$/.test(value) && Number.isSafeInteger(Number(value)) && Number(value) >= min;

/** What is wrong with a topic's configuration, in words; undefined when nothing is. */
export function wrongConfig(name: string, value: string | null): string | undefined {
  if (!topicConfigDefaults.has(name)) return `Unknown topic config name: ${name}`;
  if (value === null) return `Null value not supported for topic configs: ${name}`;
  return (checks.get(name)?.(value) ?? true) ? undefined : `Invalid value ${value} for configuration ${name}`;
}

/** Where a configuration comes from, as Kafka numbers it. */
const FROM_TOPIC = 1;
const FROM_DEFAULT = 5;

/** A topic's whole configuration, as answers show it. */
export function configEntries(configs: ReadonlyMap<string, string>, defaults: ReadonlyMap<string, string>) {
  return [...defaults].map(([name, fallback]) => ({
    name,
    value: configs.get(name) ?? fallback,
    readOnly: false,
    configSource: configs.has(name) ? FROM_TOPIC : FROM_DEFAULT,
    isSensitive: false,
  }));
}

/** The longest name of a topic. */
const MAX_NAME_LENGTH = 249;

/** What is wrong with a topic's name, in words; undefined when nothing is. */
export function wrongTopicName(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed';
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`;
  if (name.length > MAX_NAME_LENGTH) return `Topic name is invalid: the length of the name is longer than ${MAX_NAME_LENGTH}`;
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    return 'Topic name is invalid: it contains a character other than ASCII alphanumerics, ".", "_" and "-"';
  return undefined;
}
