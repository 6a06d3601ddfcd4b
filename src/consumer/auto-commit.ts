import { InputError } from '../base/errors.js';
import { custom, duration, type Given, integer, optional, type Rule, resolve } from '../base/options.js';

const parts = {
  /** Commit when so many messages are done. */
  everyN: optional(integer(1, 1)),
  /** Commit when so many ms have passed. */
  everyMs: optional(duration(1, 1)),
};

/** When offsets are committed by themselves. Infinity: never for that reason. */
export interface AutoCommit {
  readonly everyN: number;
  readonly everyMs: number;
}

/** `autoCommit: true | false | { everyN, everyMs }`: false becomes `'never'`, true the defaults, and what an object leaves out is never a reason. */
export const autoCommitRule = (defaults: AutoCommit): Rule<boolean | Given<typeof parts>, AutoCommit | 'never', false> =>
  custom<boolean | Given<typeof parts>, AutoCommit | 'never'>('true, false, or { everyN, everyMs }', defaults, (value, path) => {
    if (typeof value === 'boolean') return value ? defaults : 'never';
    if (typeof value !== 'object' || value === null) return undefined;
    const { everyN, everyMs } = resolve(path, parts, value as Given<typeof parts>);
    if (everyN === undefined && everyMs === undefined) {
      throw new InputError(`${path}: give everyN, everyMs, or both; or true for the defaults`, { code: 'TIDE_OPTION' });
    }
    return { everyN: everyN ?? Number.POSITIVE_INFINITY, everyMs: everyMs ?? Number.POSITIVE_INFINITY };
  });

/**
 * When a consumer commits by itself; undefined: only when asked.
 * @param byDefault How often where there is a group, and nothing is said of that.
 * @throws KafkaError `TIDE_OPTION` where it is asked for without a group.
 */
export function autoCommitOf(
  owner: string,
  { groupId, autoCommit }: { readonly groupId: string | undefined; readonly autoCommit: AutoCommit | 'never' | undefined },
  byDefault: AutoCommit,
): AutoCommit | undefined {
  if (autoCommit === 'never') return undefined;
  if (groupId !== undefined) return autoCommit ?? byDefault;
  if (autoCommit !== undefined) throw new InputError(`${owner}: autoCommit needs a groupId to store offsets for`, { code: 'TIDE_OPTION' });
  return undefined;
}
