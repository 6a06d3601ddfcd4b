import {
  AuthError,
  BrokerError,
  ConnectionError,
  KafkaError,
  type Persistence,
  ProtocolError,
  StateError,
  TimeoutError,
  UnsupportedError,
} from './errors.js';

/** The same error, saying what is known after all attempts of what was to be written; with another number where that says more. */
export function withPersistence(error: KafkaError, persistence: Persistence, errno: number | undefined = error.errno): KafkaError {
  if (error.persistence === persistence && error.errno === errno) return error;
  const { code, message, retriable, context } = error;
  const detail = { errno, retriable, context, persistence, cause: error };
  if (error instanceof BrokerError) return new BrokerError(code, message, detail);
  if (code === 'TIDE_CLOSED') return new StateError('TIDE_CLOSED', message, detail);
  for (const Kind of [ConnectionError, TimeoutError, ProtocolError, UnsupportedError, AuthError]) {
    if (error instanceof Kind) return new Kind(message, detail);
  }
  return new KafkaError(code, message, detail);
}
