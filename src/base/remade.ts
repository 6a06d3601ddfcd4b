import {
  AuthError,
  BrokerError,
  ConnectionError,
  CorruptRecordError,
  DeserializationError,
  type ErrorDetail,
  InputError,
  KafkaError,
  PartialError,
  ProtocolError,
  StateError,
  TimeoutError,
  UnsupportedError,
} from './errors.js';

/** Those whose code is always the same. */
const fixedCode = [ConnectionError, ProtocolError, CorruptRecordError, DeserializationError, UnsupportedError, AuthError];

type CodeOf<Kind extends new (message: string, detail: never) => KafkaError> = NonNullable<
  ConstructorParameters<Kind>[1] extends { readonly code?: infer Code } ? Code : never
>;

/** The same error, of its own class, with other details; what it was made from is its `cause`. */
export function remade(error: KafkaError, change: Pick<ErrorDetail, 'retriable' | 'persistence' | 'errno'>): KafkaError {
  const { code, message, errno, retriable, context, persistence } = error;
  const detail = { errno, retriable, context, persistence, cause: error, ...change };
  // An error has a code that its class allows.
  if (error instanceof PartialError) return new PartialError(message, error, error.results, { ...detail, cause: error.cause });
  if (error instanceof BrokerError) return new BrokerError(code, message, detail);
  if (error instanceof StateError) return new StateError(code as ConstructorParameters<typeof StateError>[0], message, detail);
  if (error instanceof TimeoutError) return new TimeoutError(message, { ...detail, code: code as CodeOf<typeof TimeoutError> });
  if (error instanceof InputError) return new InputError(message, { ...detail, code: code as CodeOf<typeof InputError> });
  for (const Kind of fixedCode) if (error instanceof Kind) return new Kind(message, detail);
  return new KafkaError(code, message, detail);
}
