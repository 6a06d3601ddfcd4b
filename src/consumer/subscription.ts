import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';
import { checkOffset, checkPartition, checkTopic } from '../client/inputs.js';
import type { TopicFilter } from '../group/index.js';

/** A pattern that the brokers match against topics (KIP-848), in the language of RE2. */
export interface BrokerPattern {
  readonly re2: string;
}

/** One partition to read, from an offset on if one is given. */
export interface PlaceToRead {
  readonly topic: string;
  readonly partition: number;
  readonly offset?: number | undefined;
}

/** A topic, or some of its partitions, in one of the forms that {@link KafkaConsumer.setTopicPartitions} takes. */
export type TopicPartitionsEntry =
  | string
  | readonly [topic: string, partition: number, offset?: number]
  | PlaceToRead
  | Readonly<Record<string, number | readonly number[]>>
  | ReadonlyMap<string, number | readonly number[] | ReadonlyMap<number, number | undefined>>;

/** What a consumer reads. */
export type Subscription =
  /** Nothing yet. */
  | { readonly kind: 'none' }
  /** Whole topics, whose partitions a group may divide. */
  | { readonly kind: 'topics'; readonly names: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp | BrokerPattern }
  /** These partitions, and whole topics beside them, all by itself. */
  | { readonly kind: 'partitions'; readonly places: readonly PlaceToRead[]; readonly wholeTopics: readonly string[] };

/**
 * What these entries ask for, all together.
 * @throws KafkaError `TIDE_INPUT` for what is none of the forms, a partition that is named twice, and a pattern beside anything else.
 */
export function subscriptionOf(entries: readonly (TopicPartitionsEntry | RegExp | BrokerPattern)[], what: string): Subscription {
  const pattern = entries.find(isPattern);
  if (pattern !== undefined) {
    if (entries.length === 1) return { kind: 'pattern', pattern };
    throw new InputError(`${what}: a pattern stands alone; got ${entries.length} entries with ${show(pattern)} among them`);
  }
  const wholeTopics = new Set<string>();
  const places: PlaceToRead[] = [];
  for (const [i, entry] of entries.entries()) {
    if (typeof entry === 'string') {
      checkTopic(entry, `${what}[${i}]`);
      wholeTopics.add(entry);
    } else if (!isPattern(entry)) places.push(...placesIn(entry, `${what}[${i}]`));
  }
  const seen = new Set<string>();
  for (const { topic, partition } of places) {
    const isTwice = seen.has(`${topic}/${partition}`) || wholeTopics.has(topic);
    if (isTwice) throw new InputError(`${what}: ${topic}/${partition} is named twice`, { context: { topic, partition } });
    seen.add(`${topic}/${partition}`);
  }
  if (places.length > 0) return { kind: 'partitions', places, wholeTopics: [...wholeTopics] };
  return wholeTopics.size === 0 ? { kind: 'none' } : { kind: 'topics', names: [...wholeTopics] };
}

/** The topics that are wanted whole, as far as they are to be looked for here: a pattern of the brokers is theirs to match. */
export function wholeTopics(subscription: Subscription): TopicFilter {
  if (subscription.kind === 'topics') return subscription.names;
  if (subscription.kind === 'partitions') return subscription.wholeTopics;
  return subscription.kind === 'pattern' && subscription.pattern instanceof RegExp ? subscription.pattern : [];
}

/** Also a pattern of another realm. */
function isPattern(entry: unknown): entry is RegExp | BrokerPattern {
  return entry instanceof RegExp || (typeof entry === 'object' && entry !== null && 're2' in entry && typeof entry.re2 === 'string');
}

function placesIn(entry: Exclude<TopicPartitionsEntry, string>, what: string): readonly PlaceToRead[] {
  if (Array.isArray(entry) && typeof entry[0] !== 'string')
    throw new InputError(
      `${what}: expected [topic, partition] or [topic, partition, offset], got ${show(entry)}; give each entry of a list by itself`,
    );
  if (Array.isArray(entry)) return [placeOf(entry[0], entry[1], entry[2], what)];
  if (entry instanceof Map) return [...entry].flatMap(([topic, partitions]) => placesOf(topic, partitions, what));
  if (typeof entry !== 'object' || entry === null) throw noForm(entry, what);
  if ('topic' in entry && typeof entry['topic'] === 'string') {
    const { topic, partition, offset } = entry as PlaceToRead;
    return [placeOf(topic, partition, offset, what)];
  }
  if ('re2' in entry && typeof entry['re2'] === 'object')
    throw new InputError(`${what}: expected { re2 } with the pattern as a string, got ${show(entry['re2'])}`);
  const listed = Object.entries(entry as Readonly<Record<string, unknown>>);
  if (listed.length === 0) throw noForm(entry, what);
  return listed.flatMap(([topic, partitions]) => placesOf(topic, partitions, what));
}

function placesOf(topic: unknown, partitions: unknown, what: string): readonly PlaceToRead[] {
  if (partitions instanceof Map) return Array.from(partitions, ([partition, offset]) => placeOf(topic, partition, offset, what));
  if (Array.isArray(partitions)) return partitions.map(partition => placeOf(topic, partition, undefined, what));
  return [placeOf(topic, partitions, undefined, what)];
}

function placeOf(topic: unknown, partition: unknown, offset: unknown, what: string): PlaceToRead {
  checkTopic(topic, what);
  checkPartition(partition, what);
  if (offset === undefined) return { topic, partition };
  checkOffset(offset, what);
  return { topic, partition, offset };
}

const noForm = (entry: unknown, what: string): InputError =>
  new InputError(
    `${what}: expected 'topic', [topic, partition], [topic, partition, offset], { topic, partition, offset }, { [topic]: partition or partitions }, ` +
      `a Map of those, or a pattern; got ${show(entry)}`,
  );
