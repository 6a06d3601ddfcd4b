import { flag, type Given, resolve } from '../base/options.js';
import type { KafkaClient } from '../client/client.js';
import { producerRules, settingsOf } from './options.js';
import { roundRobinPartitioner } from './partitioners.js';
import { Producer } from './producer.js';
import type { RecordResult } from './record.js';
import type { Serialized, Serializer } from './serializers.js';

const ownRules = {
  /** Start each topic at a random partition, so that many producers do not all start at the same one. */
  randomStart: flag(false),
};
/** What is given is typed by the parts: what is spread has no TSDoc in declarations. */
export const simpleRules = { ...producerRules, ...ownRules };

/** Options of {@link SimpleProducer}. */
export type SimpleProducerOptions<V = Serialized> = Omit<Given<typeof producerRules> & Given<typeof ownRules>, 'valueSerializer'> & {
  readonly valueSerializer?: Serializer<V> | undefined;
};

/** Sends each call to the next partition of its topic in turn; partitions without a leader are skipped while others have one. */
export class SimpleProducer<V = Serialized> extends Producer<Serialized, V> {
  /** @throws KafkaError `TIDE_OPTION`, `TIDE_UNSUPPORTED` for a codec that is not there, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options?: SimpleProducerOptions<V>) {
    const resolved = resolve('SimpleProducer', simpleRules, options);
    super('SimpleProducer', client, {
      settings: retry => settingsOf('SimpleProducer', resolved, retry),
      partitioner: roundRobinPartitioner({ randomStart: resolved.randomStart }),
      choosing: 'call',
    });
  }

  /**
   * Sends values without a key, all to one partition, and gives where each was stored. The next call goes to the next partition. They are
   * one batch, which is stored as a whole or not at all, when they fit into `batchBytes` and `batchSend`'s `everyN`.
   * @throws KafkaError as {@link Producer.sendMany}.
   */
  sendMessages(topic: string, ...values: readonly (V | null)[]): Promise<readonly RecordResult[]> {
    return this.sendValues(topic, null, values, 'sendMessages(topic, ...values)');
  }
}
