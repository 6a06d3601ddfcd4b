import type { KafkaConsumerOptions } from '../../src/index.js';

/** The options of a member, without what is for members of the classic protocol alone where it is of the other. */
export function protocolOptions<O extends KafkaConsumerOptions>(options: O): O {
  const { sessionTimeoutMs, heartbeatMs, ...others } = options;
  return options.groupProtocol === 'consumer' ? (others as O) : options;
}
