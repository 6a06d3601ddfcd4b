import { InputError } from '../base/errors.js';

/** What a key, a value or a header value may be: bytes, a string (written as UTF-8), or null for none. */
export type Bytes = Uint8Array | string | null;

/** Headers as users give them: a list of pairs, which may repeat a name, or a plain object. */
export type HeadersInput = ReadonlyArray<readonly [name: string, value: Bytes]> | Readonly<Record<string, Bytes>>;

/** Headers as a list, checked. */
export type CheckedHeaders = ReadonlyArray<readonly [name: string, value: Bytes]>;

/**
 * `value` itself, if it can be a key or a value.
 * @param what Its name in the error.
 * @throws InputError when it is neither bytes nor a string nor null; undefined is none of them.
 */
export function toBytes(value: unknown, what: string): Bytes {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new InputError(`${what} must be a Uint8Array, a string or null, got ${kindOf(value)}`);
}

/**
 * Headers as a list of pairs in their order; undefined stays undefined. In a list every name is possible, `__proto__` too.
 * @param what Their name in the error.
 * @throws InputError when they are neither a list of pairs nor a plain object, or a name or a value cannot be one.
 */
export function toHeaders(headers: unknown, what: string): CheckedHeaders | undefined {
  if (headers === undefined) return undefined;
  const isPlain = typeof headers === 'object' && headers !== null && [Object.prototype, null].includes(Object.getPrototypeOf(headers));
  if (!Array.isArray(headers) && !isPlain) {
    throw new InputError(`${what} must be a list of [name, value] pairs or a plain object, got ${kindOf(headers)}`);
  }
  const pairs: readonly unknown[] = Array.isArray(headers) ? headers : Object.entries(headers as object);
  return pairs.map((pair, i) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new InputError(`${what}[${i}] must be a pair [name, value], got ${kindOf(pair)}`);
    const [name, value]: unknown[] = pair;
    if (typeof name !== 'string') throw new InputError(`${what}[${i}]: the name must be a string, got ${kindOf(name)}`);
    return [name, toBytes(value, `${what}[${i}], the value of ${JSON.stringify(name)},`)] as const;
  });
}

/**
 * `value` itself, if it can be the timestamp of a record: whole milliseconds since 1970.
 * @param what Its name in the error.
 * @throws InputError for everything else: a Date, a fraction, a negative number.
 */
export function toTimestamp(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const got = typeof value === 'number' ? String(value) : kindOf(value);
  throw new InputError(`${what} must be whole milliseconds since 1970, got ${got}`);
}

/** What something is, in words; never what it holds. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `an object (${name})` : 'an object';
}
