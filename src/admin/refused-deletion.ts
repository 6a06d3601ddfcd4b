import { brokerError, brokerErrorRow, errorNumbers } from '../base/broker-errors.js';
import type { BrokerError } from '../base/errors.js';

/** What brokers say where nothing may be deleted. A code of its own came with Kafka 2.1; before, the request is malformed, or takes too long. */
const perhaps: ReadonlySet<number> = new Set([errorNumbers.INVALID_REQUEST, errorNumbers.REQUEST_TIMED_OUT]);
const setting = 'delete.topic.enable is false in the settings of the brokers';

/** Why a topic was not deleted, with the setting that forbids it where that is so, or may be. */
export function refusedDeletion(name: string, code: number, message: string | null): BrokerError {
  const { text } = brokerErrorRow(code);
  const told =
    code === errorNumbers.TOPIC_DELETION_DISABLED
      ? `${message || text}: ${setting}`
      : perhaps.has(code)
        ? `${message || text}; so it is also where ${setting}`
        : message;
  // The controller says so, who knows best: there is nothing to ask for again.
  const retriable = code === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION ? false : undefined;
  return brokerError(code, `deleteTopics ${name}`, { message: told, retriable, context: { topic: name } });
}
