import { AuthError, ConnectionError, KafkaError } from '../base/errors.js';

/** The error for a round over all brokers in which none answered, with the reason of each. */
export function noneReached(failures: readonly Error[]): KafkaError {
  const [first] = failures;
  if (failures.length === 1 && first instanceof KafkaError) return first;
  const reasons = failures.map(({ message }) => message.replace(/^connect to /, '')).join('; ');
  const retriable = failures.some(error => !(error instanceof KafkaError) || error.retriable);
  if (failures.length > 0 && failures.every(error => error instanceof AuthError))
    return new AuthError(`no broker accepts this client, or is accepted by it: ${reasons}`, { cause: first, retriable, persistence: 'no' });
  return new ConnectionError(`no broker could be reached: ${reasons}`, { cause: first, retriable, persistence: 'no', errno: -1010 });
}
