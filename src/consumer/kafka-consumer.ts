import { type InspectOptions, inspect } from 'node:util';
import { InputError } from '../base/errors.js';
import type { KafkaClient } from '../client/client.js';
import type { ForPartition } from '../cluster/scatter.js';
import { Consumer } from './consumer.js';
import { type KafkaConsumerOptions, kafkaConsumerOptions } from './kafka-consumer-options.js';
import type { Place } from './session.js';
import { SubscribedPartitions } from './subscribed-partitions.js';

/**
 * Reads what its group gives it: the members of a group share the partitions of its topics, and when one comes or goes they are divided anew.
 * What is in hand then is waited for, and what is done is committed, before a partition goes to another member.
 *
 * A message counts as done when the code is done with it: when the loop, or the next call, asks for more. Only what is done is committed.
 * At least once: after a crash, what was done and not yet committed comes again, perhaps to another member.
 */
export class KafkaConsumer extends Consumer<Required<Place>> {
  readonly #groupId: string | undefined;

  /** Checks the options and nothing else; the first read joins the group. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options?: KafkaConsumerOptions) {
    const settings = kafkaConsumerOptions(options);
    const { groupId, topics = { kind: 'none' } } = settings;
    if (groupId === undefined || topics.kind === 'none' || topics.kind === 'partitions') throw new InputError('KafkaConsumer: not yet');
    super(client, settings, kit => new SubscribedPartitions(kit, settings, groupId, topics));
    this.#groupId = groupId;
  }

  /** The partitions that this member reads now. */
  assignment(): readonly ForPartition[] {
    return this.positions().map(({ topic, partition }) => ({ topic, partition }));
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const positions = Object.fromEntries(this.positions().map(({ topic, partition, position }) => [`${topic}/${partition}`, position]));
    return `KafkaConsumer ${inspect({ groupId: this.#groupId, positions }, options)}`;
  }
}
