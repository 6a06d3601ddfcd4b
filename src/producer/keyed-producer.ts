import { resolve } from '../base/options.js';
import type { KafkaClient } from '../client/client.js';
import { type KeyedProducerOptions, keyedRules, settingsOf } from './options.js';
import { Producer } from './producer.js';
import type { RecordResult } from './record.js';
import type { Serialized } from './serializers.js';

/** Sends records with the same key to the same partition, in the order they were given. */
export class KeyedProducer<K = Serialized, V = Serialized> extends Producer<K, V> {
  /** @throws KafkaError `TIDE_OPTION`, `TIDE_UNSUPPORTED` for a codec that is not there, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options?: KeyedProducerOptions<K, V>) {
    const resolved = resolve('KeyedProducer', keyedRules, options);
    super('KeyedProducer', client, {
      settings: retry => settingsOf('KeyedProducer', resolved, retry),
      partitioner: resolved.partitioner,
      choosing: 'record',
    });
  }

  /**
   * Sends values with one key, all to the key's partition, and gives where each was stored. They are one batch, which is stored as a whole
   * or not at all, when they fit into `batchBytes` and `batchSend`'s `everyN`.
   * @throws KafkaError `TIDE_KEY_REQUIRED` for a null key, unless the partitioner needs none; else as {@link Producer.sendMany}.
   */
  sendMessages(topic: string, key: K | null, ...values: readonly (V | null)[]): Promise<readonly RecordResult[]> {
    return this.sendValues(topic, key, values, 'sendMessages(topic, key, ...values)');
  }
}
