/** Codes of tidemark's own errors. A broker's refusal carries Kafka's own name (`NOT_LEADER_OR_FOLLOWER`) instead. */
export const tideCodes = [
  'TIDE_CONNECTION',
  'TIDE_TIMEOUT',
  'TIDE_PROTOCOL',
  'TIDE_CORRUPT',
  'TIDE_DESERIALIZATION',
  'TIDE_TOO_LARGE',
  'TIDE_UNSUPPORTED',
  'TIDE_AUTH',
  'TIDE_OPTION',
  'TIDE_INPUT',
  'TIDE_KEY_REQUIRED',
  'TIDE_STATE',
  'TIDE_CLOSED',
  'TIDE_STALE',
  'TIDE_NOT_OWNED',
  'TIDE_PARTITION_LOST',
  'TIDE_GROUP_IN_USE',
  'TIDE_BUFFER_FULL',
  'TIDE_NO_DATA',
  'TIDE_CONSUMER_TIMEOUT',
  'TIDE_FENCED',
  'TIDE_HANDLER',
  'TIDE_THREAD',
  'TIDE_POISON',
] as const;
export type TideCode = (typeof tideCodes)[number];

/** A stable string to branch on: one of {@link tideCodes}, or Kafka's own name for a broker's error. */
export type ErrorCode = TideCode | (string & {});

/** Whether what was asked for may have happened although the answer says otherwise. `'no'`: certainly not. `'maybe'`: nobody knows. */
export type Persistence = 'no' | 'maybe';

export type ErrorContext = Readonly<Record<string, string | number | boolean>>;

export interface ErrorDetail {
  /** The same call may succeed later without any change by the caller. Default false. */
  readonly retriable?: boolean | undefined;
  readonly cause?: unknown;
  /** Plain data that says what, where and what was expected. Never a payload, a secret, a socket. */
  readonly context?: ErrorContext | undefined;
  readonly persistence?: Persistence | undefined;
  readonly errno?: number | undefined;
}

/** The numbers the Perl client reserved, for the codes of ours that mean the same. */
const errnoOf: Partial<Record<TideCode, number>> = {
  TIDE_INPUT: -1000,
  TIDE_OPTION: -1000,
  TIDE_KEY_REQUIRED: -1000,
  TIDE_TIMEOUT: -1003,
  TIDE_CONNECTION: -1004,
  TIDE_PROTOCOL: -1011,
  TIDE_CORRUPT: -1015,
};

/** Base of every error tidemark throws. Branch on `code`: `instanceof` fails where a package is installed twice. */
export class KafkaError extends Error {
  override readonly name: string = 'KafkaError';
  /** What happened, as a stable string. */
  readonly code: ErrorCode;
  /** The broker's number, or one of the numbers from -1000 to -1019 that the Perl client reserved; undefined where none fits. */
  readonly errno: number | undefined;
  /** The same call may succeed later without any change by the caller. */
  readonly retriable: boolean;
  /** Plain data: what, where, what was expected. */
  readonly context: ErrorContext;
  /** Set where it matters: whether the write may have happened all the same. */
  readonly persistence: Persistence | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.errno = detail.errno ?? errnoOf[code as TideCode];
    this.retriable = detail.retriable ?? false;
    this.context = Object.freeze({ ...detail.context });
    this.persistence = detail.persistence;
  }

  /** What becomes of it in a log of JSON lines: also its message, and why, which are not enumerable. */
  toJSON(): object {
    const { message, cause } = this;
    return { ...this, message, cause: cause === undefined || cause instanceof KafkaError ? cause : String(cause) };
  }
}

/** A broker refused: `code` is Kafka's own name for the reason, `errno` its number. */
export class BrokerError extends KafkaError {
  override readonly name = 'BrokerError';
}

/** No connection, or a connection lost. `persistence` says whether the request may have been applied. Always `TIDE_CONNECTION`. */
export class ConnectionError extends KafkaError {
  override readonly name = 'ConnectionError';
  constructor(message: string, detail: ErrorDetail = {}) {
    super('TIDE_CONNECTION', message, { retriable: true, ...detail });
  }
}

/** Time ran out. */
export class TimeoutError extends KafkaError {
  override readonly name = 'TimeoutError';
  constructor(
    message: string,
    detail: ErrorDetail & { readonly code?: 'TIDE_TIMEOUT' | 'TIDE_CONSUMER_TIMEOUT' | 'TIDE_NO_DATA' | 'TIDE_BUFFER_FULL' } = {},
  ) {
    super(detail.code ?? 'TIDE_TIMEOUT', message, detail);
  }
}

/** Bytes from the network that are not what the protocol says. Always `TIDE_PROTOCOL`. */
export class ProtocolError extends KafkaError {
  override readonly name = 'ProtocolError';
  constructor(message: string, detail: ErrorDetail = {}) {
    super('TIDE_PROTOCOL', message, detail);
  }
}

/** Record data that fails its checksum or contradicts itself. Always `TIDE_CORRUPT`. */
export class CorruptRecordError extends KafkaError {
  override readonly name = 'CorruptRecordError';
  constructor(message: string, detail: ErrorDetail = {}) {
    super('TIDE_CORRUPT', message, detail);
  }
}

/**
 * A deserialiser threw, or rejected with, its `cause`. The message stays where it is: the next read tries it again, and a seek to behind its `offset`
 * passes over it. Always `TIDE_DESERIALIZATION`.
 */
export class DeserializationError extends KafkaError {
  override readonly name = 'DeserializationError';
  constructor(message: string, detail: ErrorDetail = {}) {
    super('TIDE_DESERIALIZATION', message, detail);
  }

  get topic(): string {
    return String(this.context['topic']);
  }

  get partition(): number {
    return Number(this.context['partition']);
  }

  get offset(): number {
    return Number(this.context['offset']);
  }

  /** Which part of the message it is. */
  get part(): 'key' | 'value' {
    return this.context['part'] === 'key' ? 'key' : 'value';
  }
}

/** The broker, or this Node, is too old or too new for what was asked. Always `TIDE_UNSUPPORTED`. */
export class UnsupportedError extends KafkaError {
  override readonly name = 'UnsupportedError';
  constructor(message: string, detail: ErrorDetail = {}) {
    super('TIDE_UNSUPPORTED', message, detail);
  }
}

/** The broker does not accept who we are, or we do not accept who it is: a password, a token, a certificate. Always `TIDE_AUTH`. */
export class AuthError extends KafkaError {
  override readonly name = 'AuthError';
  constructor(message: string, detail: ErrorDetail = {}) {
    super('TIDE_AUTH', message, detail);
  }
}

/** An argument or option that can never work. Nothing was sent. */
export class InputError extends KafkaError {
  override readonly name = 'InputError';
  constructor(
    message: string,
    detail: ErrorDetail & { readonly code?: 'TIDE_INPUT' | 'TIDE_OPTION' | 'TIDE_KEY_REQUIRED' | 'TIDE_TOO_LARGE' | 'TIDE_HANDLER' } = {},
  ) {
    super(detail.code ?? 'TIDE_INPUT', message, detail);
  }
}

type StateCode =
  | 'TIDE_STATE'
  | 'TIDE_CLOSED'
  | 'TIDE_STALE'
  | 'TIDE_NOT_OWNED'
  | 'TIDE_PARTITION_LOST'
  | 'TIDE_GROUP_IN_USE'
  | 'TIDE_FENCED'
  | 'TIDE_NO_DATA';

/** A call that does not fit the state of the object it was made on. Nothing was changed by it. */
export class StateError extends KafkaError {
  override readonly name = 'StateError';
  constructor(code: StateCode, message: string, detail: ErrorDetail = {}) {
    super(code, message, detail);
  }
}

/** Some items of one call failed and some did not. `results` holds each item's outcome in call order; `code` is that of the first failure. */
export class PartialError<T = unknown> extends KafkaError {
  override readonly name = 'PartialError';
  readonly #results: readonly T[];
  constructor(message: string, first: KafkaError, results: readonly T[], detail: ErrorDetail = {}) {
    super(first.code, message, {
      errno: first.errno,
      retriable: first.retriable,
      persistence: first.persistence,
      cause: first,
      context: first.context,
      ...detail,
    });
    this.#results = results;
  }

  /** Each item's outcome, in call order. Not shown by `console.log`: `cause` is the first failure, and there may be thousands. */
  get results(): readonly T[] {
    return this.#results;
  }
}

/** What was thrown, as an Error: things that are not errors are wrapped, with the original as `cause`. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(wordsOf(thrown), { cause: thrown }));

/** Anything in words; an object that cannot be put into words says so. */
export function wordsOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `an ${typeof value} that cannot be shown`;
  }
}

/** What was thrown, as an error that callers can be given: what is no {@link KafkaError} is a bug, `TIDE_STATE`, and its `cause` says which. */
export const asKafkaError = (thrown: unknown, persistence?: Persistence): KafkaError =>
  thrown instanceof KafkaError ? thrown : new KafkaError('TIDE_STATE', asError(thrown).message, { cause: thrown, persistence });
