import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { KafkaError } from '../base/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ClusterMetadata } from '../cluster/metadata.js';

/** Which topics a consumer wants: by name, or all whose names match, those that Kafka keeps for itself excepted. */
export type TopicFilter = readonly string[] | RegExp;

/** What a filter stands for at the time, and how many partitions topics have. */
export class SubscribedTopics {
  readonly #cluster: Cluster;
  #filter: TopicFilter;
  /** What was looked at, and may be read. */
  #allowed: TopicFilter | undefined;
  /** When all topics were last asked for, on the cluster's clock. */
  #askedAllAt = Number.NEGATIVE_INFINITY;

  constructor(cluster: Cluster, filter: TopicFilter) {
    this.#cluster = cluster;
    this.#filter = filter;
  }

  set filter(filter: TopicFilter) {
    this.#filter = filter;
    this.#askedAllAt = Number.NEGATIVE_INFINITY;
  }

  /** The names that are wanted now, in their order. For a pattern, of the topics that there were at most `metadataMaxAgeMs` ago. */
  async names(signal: AbortSignal): Promise<readonly string[]> {
    const filter = this.#filter;
    if (!(filter instanceof RegExp)) return [...new Set(filter)].sort();
    const metadata = await this.#all(signal);
    const matches = [...metadata.topics.values()].filter(
      ({ name, internal, errorCode }) => errorCode === 0 && !internal && isMatch(filter, name),
    );
    return matches.map(({ name }) => name).sort();
  }

  /**
   * As {@link names}, for joining by them: looks, once, whether they are there and may be read, since a group tells nobody of a topic that is not
   * there for the member that divides. One that does not exist is waited for, and told as an error that passes. @throws KafkaError where one may
   * not be read.
   */
  async allowedNames(signal: AbortSignal): Promise<readonly string[]> {
    const filter = this.#filter;
    const names = await this.names(signal);
    if (filter instanceof RegExp || names.length === 0 || this.#allowed === filter) return names;
    const { topics } = await this.#cluster.topics(names, signal);
    const topic = names.find(name => topics.get(name)?.errorCode === errorNumbers.TOPIC_AUTHORIZATION_FAILED);
    if (topic !== undefined) throw brokerError(errorNumbers.TOPIC_AUTHORIZATION_FAILED, `topic ${topic}`, { context: { topic } });
    for (const name of names) {
      const code = topics.get(name)?.errorCode ?? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
      if (code === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION) this.#cluster.passing(notYet(name), 0);
    }
    this.#allowed = filter;
    return names;
  }

  /** How many partitions each of these topics has; one that does not exist, or has none yet, is left out. */
  async partitionCounts(names: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const wanted = [...new Set(names)];
    if (wanted.length === 0) return counts;
    const { topics } = await this.#cluster.topics(wanted, signal);
    for (const name of wanted) {
      const { errorCode = -1, partitions = [] } = topics.get(name) ?? {};
      if (errorCode === 0 && partitions.length > 0) counts.set(name, partitions.length);
    }
    return counts;
  }

  async #all(signal: AbortSignal): Promise<ClusterMetadata> {
    const { clock, settings } = this.#cluster;
    signal.throwIfAborted();
    if (clock.now() < this.#askedAllAt + settings.metadataMaxAgeMs) return this.#cluster.metadata;
    const metadata = await this.#cluster.refresh('all');
    this.#askedAllAt = clock.now();
    return metadata;
  }
}

const notYet = (topic: string): KafkaError =>
  brokerError(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `topic ${topic}`, {
    message: 'there is no such topic yet; it is read from when it is created',
    context: { topic },
  });

/** A pattern with `g` or `y` remembers where it was. */
function isMatch(pattern: RegExp, name: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(name);
}
