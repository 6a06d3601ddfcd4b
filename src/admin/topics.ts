import { InputError, type KafkaError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { show } from '../base/options.js';
import { ZERO_UUID } from '../bytes/reader.js';
import { checkCount, checkTopic } from '../client/inputs.js';

/** A topic to be created. */
export interface NewTopic {
  readonly name: string;
  /** Default: the broker's own (`num.partitions`); 1 on brokers before 2.4, which must be told. */
  readonly partitions?: number | undefined;
  /** Copies of each partition. Default: the broker's own (`default.replication.factor`); 1 on brokers before 2.4. */
  readonly replicationFactor?: number | undefined;
  /** Topic settings by Kafka's own names: `{ 'cleanup.policy': 'compact' }`. */
  readonly configs?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Which brokers hold each partition, the preferred leader first: `[[1, 2], [2, 3]]`. Instead of `partitions` and `replicationFactor`. */
  readonly assignments?: readonly (readonly number[])[] | undefined;
}

/** What became of one topic of a call; `error` undefined: done. */
export interface TopicResult {
  readonly name: string;
  readonly error: KafkaError | undefined;
}

/** What became of a topic to be created. */
export interface CreatedTopic extends TopicResult {
  /** Kafka's id of the topic; the zero uuid where the broker is too old to say, and when it was not created. */
  readonly id: string;
  /** Counts as Kafka chose them; -1 where the broker is too old to say (before 2.4). */
  readonly partitions: number;
  readonly replicationFactor: number;
}

/** One line of the list of topics. */
export interface TopicListing {
  readonly name: string;
  /** Kafka's id of the topic; the zero uuid where the broker is too old for ids. */
  readonly id: string;
  /** Kafka's own: `__consumer_offsets` and the like. */
  readonly internal: boolean;
  readonly partitionCount: number;
}

/** `what` created with the counts Kafka answered, or not created. */
export const created = (name: string, found: Partial<Omit<CreatedTopic, 'name'>>): CreatedTopic =>
  Object.freeze({ name, error: undefined, id: ZERO_UUID, partitions: -1, replicationFactor: -1, ...found });

/** @throws KafkaError `TIDE_INPUT` for names Kafka refuses, for one given twice, and for an empty list. */
export function checkNames(names: readonly string[], what: string): void {
  if (!Array.isArray(names) || names.length === 0) throw new InputError(`${what}: expected at least one topic, got ${show(names)}`);
  const seen = new Set<string>();
  for (const name of names) {
    checkTopic(name, what);
    if (seen.has(name)) throw new InputError(`${what}: topic ${name} is named twice`);
    seen.add(name);
  }
}

const maxReplicationFactor = 2 ** 15 - 1;
const properties: readonly string[] = ['name', 'partitions', 'replicationFactor', 'configs', 'assignments'] satisfies (keyof NewTopic)[];

/** @throws KafkaError `TIDE_INPUT` saying which topic is asked for in a way Kafka cannot take. */
export function checkNewTopics(topics: readonly NewTopic[]): void {
  const what = 'createTopics';
  if (!Array.isArray(topics)) throw new InputError(`${what}: expected { name, partitions, ... } or several, got ${show(topics)}`);
  for (const topic of topics) {
    if (typeof topic !== 'object' || topic === null)
      throw new InputError(`${what}: expected { name, partitions, ... }, got ${show(topic)}`);
    const unknown = Object.keys(topic).find(name => !properties.includes(name));
    if (unknown === undefined) continue;
    const guess = nearest(unknown, properties);
    const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
    throw new InputError(`${what} ${show(topic.name)}: unknown property "${unknown}"${hint}`);
  }
  checkNames(
    topics.map(({ name }) => name),
    what,
  );
  for (const { name, partitions, replicationFactor, configs, assignments } of topics) {
    if (partitions !== undefined) checkCount(partitions, `${what} ${name}: partitions`);
    if (replicationFactor !== undefined) checkCount(replicationFactor, `${what} ${name}: replicationFactor`);
    if ((replicationFactor ?? 1) > maxReplicationFactor)
      throw new InputError(`${what} ${name}: replicationFactor is at most ${maxReplicationFactor}`);
    for (const [key, value] of Object.entries(configs ?? {})) {
      if (['string', 'number', 'boolean'].includes(typeof value)) continue;
      throw new InputError(`${what} ${name}: config ${key} must be a string, a number or a boolean, got ${show(value)}`);
    }
    if (assignments !== undefined) checkAssignments(name, assignments, partitions ?? replicationFactor);
  }
}

function checkAssignments(name: string, assignments: readonly (readonly number[])[], beside: number | undefined): void {
  const what = `createTopics ${name}: assignments`;
  if (beside !== undefined) throw new InputError(`${what} stand instead of partitions and replicationFactor; give one or the other`);
  if (!Array.isArray(assignments) || assignments.length === 0)
    throw new InputError(`${what}: expected the broker ids of each partition, got ${show(assignments)}`);
  for (const [partition, brokers] of assignments.entries()) {
    const legal = Array.isArray(brokers) && brokers.length > 0 && brokers.every(id => Number.isInteger(id) && id >= 0 && id < 2 ** 31);
    if (!legal || new Set(brokers).size !== brokers.length)
      throw new InputError(`${what}: partition ${partition} needs one or more different broker ids, got ${show(brokers)}`);
  }
}
