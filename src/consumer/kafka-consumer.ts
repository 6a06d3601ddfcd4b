import { type InspectOptions, inspect } from 'node:util';
import { signalOf } from '../base/options.js';
import { coreOf, type KafkaClient } from '../client/client.js';
import { checkCount, checkPlace, checkTime } from '../client/inputs.js';
import type { OffsetQueries } from '../client/offset-queries.js';
import type { CallOptions } from '../client/wait-options.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { Message } from '../records/index.js';
import { Consumer } from './consumer.js';
import { checkPattern, type GroupConsumerSettings, type KafkaConsumerOptions, kafkaConsumerOptions } from './kafka-consumer-options.js';
import { nothingCame } from './reading.js';
import { SubscribedPartitions } from './subscribed-partitions.js';
import { type BrokerPattern, type Subscription, subscriptionOf, type TopicPartitionsEntry } from './subscription.js';

/** What a consumer goes by that is more than a KafkaConsumer, in place of what it is made with. */
export const settingsOf = new WeakMap<object, GroupConsumerSettings>();

/**
 * Reads what its group gives it: the members of a group share the partitions of its topics, and when one comes or goes they are divided anew.
 * What is in hand then is waited for, and what is done is committed, before a partition goes to another member.
 *
 * A message counts as done when the code is done with it: when the loop, or the next call, asks for more. Only what is done is committed.
 * At least once: after a crash, what was done and not yet committed comes again, perhaps to another member.
 */
export class KafkaConsumer<K = Buffer, V = Buffer> extends Consumer<ForPartition, K, V> {
  readonly #options: GroupConsumerSettings;
  readonly #queries: OffsetQueries;
  readonly #replace: (subscription: Subscription) => void;

  /** Checks the options and nothing else; the first read joins the group. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options?: KafkaConsumerOptions<K, V>) {
    coreOf(client); // first of all: without it, options come in its place
    const settings = (options && settingsOf.get(options)) ?? kafkaConsumerOptions(options);
    let source: SubscribedPartitions | undefined;
    super(client, settings, kit => (source = new SubscribedPartitions(kit, settings)));
    this.#options = settings;
    this.#queries = client.offsets;
    this.#replace = subscription => source?.replace(subscription);
  }

  /**
   * Reads these from now on, in place of everything before: topics, a pattern, or partitions, all forms together. With a group topics and patterns
   * are shared with the other members; a partition in any entry makes this consumer read by itself. Resolves when that is known, not when all
   * that was read before is given up: what is in hand of it is waited for, and what is done is committed. A read that waits for messages goes on
   * with what is read now.
   * @param entries `'topic'`, `[topic, partition]`, `[topic, partition, offset]`, `{ topic, partition, offset }`, `{ [topic]: partition or partitions }`,
   * a `Map` of those, a `RegExp`, or `{ re2 }`.
   * @throws KafkaError `TIDE_INPUT` for what is none of these, `TIDE_STATE` in a commit context, `TIDE_CLOSED`; nothing is changed then.
   */
  async setTopicPartitions(...entries: readonly (TopicPartitionsEntry | RegExp | BrokerPattern)[]): Promise<void> {
    const what = 'setTopicPartitions()';
    const subscription = subscriptionOf(entries, what);
    checkPattern(subscription, this.#options, what);
    this.assertChangeable(what);
    this.#replace(subscription);
  }

  /** The next message; the one before counts as done, with `marking: 'loop'`. Waits for `consumerTimeoutMs`. @throws KafkaError `TIDE_CONSUMER_TIMEOUT`. */
  async nextMessage(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Message<K, V>> {
    signalOf('nextMessage()', options);
    const [message] = await this.fetchMessages(1, options);
    return message ?? Promise.reject(nothingCame(this.#options.consumerTimeoutMs));
  }

  /**
   * What is there, at most `count` messages, as soon as there is one: {@link getMessages} that waits for one, for `consumerTimeoutMs`. What the call
   * before it returned counts as done, with `marking: 'loop'`.
   * @throws KafkaError `TIDE_CONSUMER_TIMEOUT`; else as {@link getMessages}.
   */
  async fetchMessages(count = 500, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Message<K, V>[]> {
    const signal = signalOf('fetchMessages()', options);
    const { consumerTimeoutMs } = this.#options;
    const timeoutMs = consumerTimeoutMs === Number.POSITIVE_INFINITY ? null : consumerTimeoutMs;
    const messages = await this.getMessages(count, { block: 1, timeoutMs, signal });
    if (messages.length === 0) throw nothingCame(consumerTimeoutMs);
    return messages;
  }

  /**
   * Offsets of any partition where reading can begin, the highest first. kafka-python's call; see also `client.offsets`.
   * @param time `'latest'` (or -1): the end of the log, then its beginning. `'earliest'` (or -2): its beginning. Ms since 1970: the offset of the first message
   * with this timestamp or a later one, the end where there is none; then the beginning. Where segments begin, which brokers told once, none from 4.0 on tells.
   * @param maxCount How many at most.
   * @throws KafkaError `TIDE_INPUT`, `TIDE_OPTION`, `TIDE_TIMEOUT`, `TIDE_CLOSED`; Kafka's own for a partition that is not there; the signal's reason.
   */
  async getPartitionOffsets(
    topic: string,
    partition: number,
    time: 'latest' | 'earliest' | number = 'latest',
    maxCount = 2,
    options: CallOptions = {},
  ): Promise<readonly number[]> {
    const what = 'getPartitionOffsets()';
    checkPlace({ topic, partition }, what);
    checkCount(maxCount, `${what} maxCount`);
    const isEnd = time === 'latest' || time === -1;
    const isBeginning = time === 'earliest' || time === -2;
    if (!isEnd && !isBeginning) checkTime(time, what);
    return this.within(what, options, async signal => {
      const asking = { signal, isolation: this.#options.isolation };
      const beginning = await this.#queries.earliest(topic, partition, asking);
      const at = isEnd || isBeginning ? undefined : await this.#queries.atTime(topic, partition, time, asking);
      const highest = isBeginning ? beginning : (at ?? (await this.#queries.latest(topic, partition, asking)));
      return [...new Set([highest, beginning])].slice(0, maxCount);
    });
  }

  /** The partitions that are read now. */
  assignment(): readonly ForPartition[] {
    return this.positions().map(({ topic, partition }) => ({ topic, partition }));
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const positions = Object.fromEntries(this.positions().map(({ topic, partition, position }) => [`${topic}/${partition}`, position]));
    return `${this.constructor.name} ${inspect({ groupId: this.#options.groupId, positions }, options)}`;
  }
}
