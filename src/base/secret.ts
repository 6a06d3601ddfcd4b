import { inspect } from 'node:util';

const redacted = '[redacted]';

/**
 * A password, a token or a key: whoever needs it asks for it by {@link reveal}, and every other way of looking at it shows `[redacted]`.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Not for messages, contexts or events. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}

/** `text` without any of `secrets` in it: for what the other side says, which may be what we told it. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => (secret === '' ? shown : shown.replaceAll(secret, redacted)), text);
}
