import { type InspectOptions, inspect } from 'node:util';
import { coreOf, type KafkaClient } from '../client/client.js';
import { Consumer } from './consumer.js';
import { type SimpleConsumerOptions, simpleConsumerOptions } from './simple-consumer-options.js';
import { TopicPartitions } from './topic-partitions.js';

/**
 * Reads one topic, all partitions or some, without being a member of a group: partitions are never given to or taken from it. With a
 * `groupId` it stores offsets, so that the next start goes on where the work ended; one reader of
 * each partition per group id, or they overwrite each other's offsets.
 *
 * A message counts as done when the code is done with it: when the loop, or the next call, asks for more. Only what is done is committed.
 * At least once: after a crash, what was done and not yet committed comes again.
 */
export class SimpleConsumer<K = Buffer, V = Buffer> extends Consumer<number, K, V> {
  readonly topic: string;
  readonly #groupId: string | undefined;

  /** Checks the options and nothing else; the first read connects. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options: SimpleConsumerOptions<K, V>) {
    coreOf(client); // first of all: without it, options come in its place
    const settings = simpleConsumerOptions(options);
    super(client, settings, kit => new TopicPartitions({ ...kit, options: settings }));
    this.topic = settings.topic;
    this.#groupId = settings.groupId;
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const positions = Object.fromEntries(this.positions().map(({ partition, position }) => [partition, position]));
    return `SimpleConsumer ${inspect({ topic: this.topic, groupId: this.#groupId, positions }, options)}`;
  }
}
