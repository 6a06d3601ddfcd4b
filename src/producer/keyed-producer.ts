import { resolve } from '../base/options.js';
import type { KafkaClient } from '../client/client.js';
import { type KeyedProducerOptions, keyedRules, settingsOf } from './options.js';
import { Producer } from './producer.js';
import type { RecordResult } from './record.js';

/** Sends records with the same key to the same partition, in the order they were given. */
export class KeyedProducer extends Producer {
  /** @throws KafkaError `TIDE_OPTION`, `TIDE_UNSUPPORTED` for a codec that is not there, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options?: KeyedProducerOptions) {
    const resolved = resolve('KeyedProducer', keyedRules, options);
    super('KeyedProducer', client, {
      settings: retry => settingsOf('KeyedProducer', resolved, retry),
      partitioner: resolved.partitioner,
      choosing: 'record',
    });
  }

  /**
   * Sends values with one key, all to the key's partition, and gives where each was stored.
   * @throws KafkaError `TIDE_KEY_REQUIRED` for a null key, unless the partitioner needs none; else as {@link Producer.sendMany}.
   */
  sendMessages(
    topic: string,
    key: Uint8Array | string | null,
    ...values: readonly (Uint8Array | string | null)[]
  ): Promise<readonly RecordResult[]> {
    return this.sendValues(topic, key, values);
  }
}
