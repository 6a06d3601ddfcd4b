import { longestTimerMs } from './clock.js';
import { InputError } from './errors.js';
import { nameHere } from './names-elsewhere.js';
import { nearest } from './nearest.js';

/** Answer of {@link Rule.accept} when the value cannot be used. */
const refused: unique symbol = Symbol('refused');
const required: unique symbol = Symbol('required');
type Refused = typeof refused;

/** One option: what it accepts, what it becomes, what it is when not given. */
export interface Rule<In, Out = In, Needed extends boolean = boolean> {
  readonly expected: string;
  readonly fallback: Needed extends true ? typeof required : Out;
  /** Carries the type of what users may give; never set. */
  readonly given?: In;
  accept(value: unknown, path: string): Out | Refused;
}

type Rules = Readonly<Record<string, Rule<unknown, unknown>>>;
type InOf<R> = R extends Rule<infer In, infer _Out> ? In : never;
type OutOf<R> = R extends Rule<infer _In, infer Out> ? Out : never;
type NeededKeys<R> = { [K in keyof R]: R[K] extends { readonly fallback: typeof required } ? K : never }[keyof R];

/**
 * What a caller may pass for `rules`: everything with a default is optional. Both halves run over `keyof R` itself: only so does an option keep
 * the TSDoc of its rule, which editors show.
 */
export type Given<R> = { readonly [K in keyof R as K extends NeededKeys<R> ? never : K]?: InOf<R[K]> | undefined } & {
  readonly [K in keyof R as K extends NeededKeys<R> ? K : never]: InOf<R[K]>;
};
/** What {@link resolve} gives for `rules`: every option, checked. */
export type Resolved<R> = { readonly [K in keyof R]: OutOf<R[K]> };

/**
 * Every option of `rules`, checked, with defaults filled in; frozen.
 * `undefined` means the default. Unknown names are refused, with the nearest known one.
 * @throws KafkaError `TIDE_OPTION` naming the owner, the option, what was expected and what was given.
 */
export function resolve<R extends Rules>(owner: string, rules: R, given: Given<R> | undefined): Resolved<R> {
  return resolveAt(owner, '', rules, given) as Resolved<R>;
}

/**
 * Refuses what is no object, and options of other names than `known`, with the nearest of them.
 * @throws KafkaError `TIDE_OPTION`.
 */
export function checkNames(owner: string, known: readonly string[], given: unknown, prefix = ''): void {
  if (given === undefined) return;
  if (!isPlain(given)) throw optionError(owner, `options must be an object, got ${show(given)}`);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const guess = nameHere(name, known) ?? nearest(name, known);
    throw optionError(owner, `unknown option "${prefix}${name}"${guess === undefined ? '' : `; did you mean "${prefix}${guess}"?`}`);
  }
}

function resolveAt(owner: string, prefix: string, rules: Rules, given: unknown): Readonly<Record<string, unknown>> {
  checkNames(owner, Object.keys(rules), given, prefix);
  const values = new Map(Object.entries(given ?? {}));
  const resolved: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = values.get(name);
    if (value === undefined) {
      if (rule.fallback === required) throw optionError(owner, `"${prefix}${name}" is required: ${rule.expected}`);
      resolved[name] = rule.fallback;
      continue;
    }
    const accepted = rule.accept(value, `${owner} ${prefix}${name}`);
    if (accepted === refused) throw optionError(owner, `"${prefix}${name}" must be ${rule.expected}, got ${show(value)}`);
    resolved[name] = accepted;
  }
  return Object.freeze(resolved);
}

const optionError = (owner: string, text: string): InputError => new InputError(`${owner}: ${text}`, { code: 'TIDE_OPTION' });

const isPlain = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value as it may stand in an error message: short, and never the inside of an object. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'no prototype'})`;
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

const isInteger = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;

/** An integer within bounds, both included. */
export const integer = (fallback: number, min = 0, max = Number.MAX_SAFE_INTEGER): Rule<number, number, false> => ({
  expected: `an integer from ${min} to ${max}`,
  fallback,
  accept: value => (isInteger(value, min, max) ? value : refused),
});

/** A time in ms, fractions allowed; `null`, where `limitless`, means no limit and becomes Infinity. */
export const duration = (fallback: number, min = 0, limitless = false): Rule<number | null, number, false> => ({
  expected: `a number of ms from ${min} to ${longestTimerMs}${limitless ? ', or null for no limit' : ''}`,
  fallback,
  accept: value => {
    if (value === null) return limitless ? Number.POSITIVE_INFINITY : refused;
    return typeof value === 'number' && value >= min && value <= longestTimerMs ? value : refused;
  },
});

export const flag = (fallback: boolean): Rule<boolean, boolean, false> => ({
  expected: 'true or false',
  fallback,
  accept: value => (typeof value === 'boolean' ? value : refused),
});

/** One of the listed values; `aliases` are other spellings of them. */
export function oneOf<const T extends string | number, const A extends Readonly<Record<string, T>> = Record<never, T>>(
  fallback: NoInfer<T>,
  values: readonly T[],
  aliases?: A,
): Rule<T | (keyof A & string), T, false> {
  return {
    expected: `one of ${values.map(value => JSON.stringify(value)).join(', ')}`,
    fallback,
    accept: value => {
      if (aliases !== undefined && typeof value === 'string' && Object.hasOwn(aliases, value)) value = aliases[value];
      return values.find(known => known === value) ?? refused;
    },
  };
}

/** A string that is not empty. */
export const text = (fallback: string): Rule<string, string, false> => ({
  expected: 'a string that is not empty',
  fallback,
  accept: value => (typeof value === 'string' && value !== '' ? value : refused),
});

/** A value `check` accepts; `check` answers undefined to refuse, or throws an error of its own. */
export const custom = <In, Out>(
  expected: string,
  fallback: Out,
  check: (value: unknown, path: string) => Out | undefined,
): Rule<In, Out, false> => ({
  expected,
  fallback,
  accept: (value, path) => check(value, path) ?? refused,
});

/** The same rule without a default: the caller must give it. */
export const needed = <In, Out>(rule: Rule<In, Out>): Rule<In, Out, true> => ({
  expected: rule.expected,
  fallback: required,
  accept: (value, path) => rule.accept(value, path),
});

/** The same rule, undefined when not given. */
export const optional = <In, Out>(rule: Rule<In, Out>): Rule<In, Out | undefined, false> => ({
  expected: rule.expected,
  fallback: undefined,
  accept: (value, path) => rule.accept(value, path),
});

/** Also one of another realm, which is no instance of ours. */
const isSignal = (value: unknown): value is AbortSignal =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<AbortSignal>).aborted === 'boolean' &&
  typeof (value as Partial<AbortSignal>).addEventListener === 'function';

/** The option that every method has which waits, beside its own. */
export const signalRules = {
  /** Ends the call: it rejects with the signal's reason. What was sent may be applied all the same. */
  signal: optional(
    custom<AbortSignal, AbortSignal | undefined>('an AbortSignal', undefined, value => (isSignal(value) ? value : undefined)),
  ),
};

/** The signal among options that have nothing else. @throws KafkaError `TIDE_OPTION` when there is something else, or it is none. */
export const signalOf = (owner: string, given: Given<typeof signalRules> | undefined): AbortSignal | undefined =>
  resolve(owner, signalRules, given).signal;

/** Options inside an option: `retry: { attempts }`. */
export const nested = <R extends Rules>(owner: string, name: string, rules: R): Rule<Given<R>, Resolved<R>, false> => ({
  expected: `an object with ${Object.keys(rules).join(', ')}`,
  fallback: resolveAt(owner, `${name}.`, rules, undefined) as Resolved<R>,
  accept: value => (isPlain(value) ? (resolveAt(owner, `${name}.`, rules, value) as Resolved<R>) : refused),
});
