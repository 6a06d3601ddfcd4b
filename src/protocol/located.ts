import { InputError, KafkaError, ProtocolError, UnsupportedError } from '../base/errors.js';

/** A failure on its way up from a field to its message: every level puts its step before the path. */
class Located {
  readonly failure: KafkaError;
  path: string;

  constructor(failure: KafkaError, path: string) {
    this.failure = failure;
    this.path = path;
  }
}

/** What to throw where `step` (a field name, or `[index]`) failed with `thrown`. Bugs pass through as they are. */
export function located(thrown: unknown, step: string): unknown {
  if (thrown instanceof Located) {
    thrown.path =
      step === '' ? thrown.path : thrown.path === '' || thrown.path.startsWith('[') ? step + thrown.path : `${step}.${thrown.path}`;
    return thrown;
  }
  return thrown instanceof KafkaError ? new Located(thrown, step) : thrown;
}

/** Which message failed, and where it is that its bytes were read. */
export interface Place {
  readonly api: string;
  readonly part: string;
  readonly version: number;
  readonly position?: number;
}

/** The error that leaves the protocol layer: same class, with the message, the version and the path to the field. */
export function explained(thrown: unknown, { api, part, version, position }: Place): unknown {
  const { failure, path } = thrown instanceof Located ? thrown : { failure: thrown, path: '' };
  if (!(failure instanceof KafkaError)) return failure;
  const message = `${api} v${version} ${part}${path === '' ? '' : `, ${path}`}: ${failure.message}`;
  const detail = {
    cause: failure.cause,
    context: { api, version, ...(path === '' ? {} : { field: path }), ...(position === undefined ? {} : { position }), ...failure.context },
  };
  if (failure instanceof InputError) return new InputError(message, detail);
  if (failure instanceof UnsupportedError) return new UnsupportedError(message, detail);
  return new ProtocolError(message, detail);
}
