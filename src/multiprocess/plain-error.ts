import { asError, type ErrorContext, KafkaError, type Persistence, wordsOf } from '../base/errors.js';

/** An error as it crosses between threads: a clone would lose its code. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  /** Of an error of ours: what else it says. */
  readonly ours: { readonly retriable: boolean; readonly context: ErrorContext; readonly persistence: Persistence | undefined } | undefined;
  readonly cause: PlainError | undefined;
}

/** So many causes of causes are told. */
const depth = 4;

export function toPlain(thrown: unknown, left = depth): PlainError {
  const error = asError(thrown);
  const code = of(error, 'code');
  const stack = of(error, 'stack');
  const cause = of(error, 'cause');
  return {
    name: wordsOf(of(error, 'name')),
    message: wordsOf(of(error, 'message')),
    stack: typeof stack === 'string' ? stack : undefined,
    code: typeof code === 'string' ? code : undefined,
    ours:
      error instanceof KafkaError
        ? { retriable: error.retriable, context: { ...error.context }, persistence: error.persistence }
        : undefined,
    cause: cause === undefined || left === 0 ? undefined : toPlain(cause, left - 1),
  };
}

/** A user's error may hold anything, and getters that throw. */
function of(error: Error, name: string): unknown {
  try {
    return Reflect.get(error, name);
  } catch {
    return undefined;
  }
}

/** The error, as far as it can be had again: one of ours with its code, any other with name, message and stack. */
export function fromPlain({ name, message, stack, code, ours, cause }: PlainError): Error {
  const made = cause === undefined ? undefined : fromPlain(cause);
  if (ours !== undefined && code !== undefined) return withStack(new KafkaError(code, message, { ...ours, cause: made }), stack);
  const error = new Error(message, made === undefined ? undefined : { cause: made });
  error.name = name;
  if (code !== undefined) Object.assign(error, { code });
  return withStack(error, stack);
}

function withStack<E extends Error>(error: E, stack: string | undefined): E {
  if (stack !== undefined) error.stack = stack;
  return error;
}
