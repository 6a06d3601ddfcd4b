import { flag, type Given, resolve } from '../base/options.js';
import type { KafkaClient } from '../client/client.js';
import { producerRules, settingsOf } from './options.js';
import { roundRobinPartitioner } from './partitioners.js';
import { Producer } from './producer.js';
import type { RecordResult } from './record.js';

export const simpleRules = {
  ...producerRules,
  /** Start each topic at a random partition, so that many producers do not all start at the same one. */
  randomStart: flag(false),
};
/** Options of {@link SimpleProducer}. */
export type SimpleProducerOptions = Given<typeof simpleRules>;

/** Sends each call to the next partition of its topic in turn; partitions without a leader are skipped while others have one. */
export class SimpleProducer extends Producer {
  /** @throws KafkaError `TIDE_OPTION`, `TIDE_UNSUPPORTED` for a codec that is not there, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options?: SimpleProducerOptions) {
    const resolved = resolve('SimpleProducer', simpleRules, options);
    super('SimpleProducer', client, {
      settings: retry => settingsOf('SimpleProducer', resolved, retry),
      partitioner: roundRobinPartitioner({ randomStart: resolved.randomStart }),
      choosing: 'call',
    });
  }

  /**
   * Sends values without a key, all to one partition, and gives where each was stored. The next call goes to the next partition.
   * @throws KafkaError as {@link Producer.sendMany}.
   */
  sendMessages(topic: string, ...values: readonly (Uint8Array | string | null)[]): Promise<readonly RecordResult[]> {
    return this.sendValues(topic, null, values);
  }
}
