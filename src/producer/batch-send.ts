import { custom, duration, type Given, integer, optional, type Resolved, type Rule, resolve } from '../base/options.js';

const parts = {
  /** Records of one partition that are sent together. `null`: any number. */
  everyN: custom<number | null, number>('an integer from 1, or null', 500, given =>
    given === null ? Number.POSITIVE_INFINITY : Number.isSafeInteger(given) && (given as number) >= 1 ? (given as number) : undefined,
  ),
  /** Longest time in ms that a record waits for others. `null`: it waits until a batch is full, or for `flush`. Kafka: linger.ms. */
  everyMs: duration(20, 1, true),
  /** A batch is sent when it is so large, before compression. Default: `batchBytes`. */
  bytes: optional(integer(1, 1, 2 ** 30)),
};

/** When records are sent that wait for each other. */
export type BatchSend = Resolved<typeof parts>;

/** `batchSend: true | false | { everyN, everyMs, bytes }`: false becomes `'never'`, and what an object leaves out has its default. */
export const batchSendRule: Rule<boolean | Given<typeof parts>, BatchSend | 'never', false> = {
  expected: 'true, false, or { everyN, everyMs, bytes }',
  fallback: 'never',
  accept: (given, path) => (given === false ? 'never' : resolve(path, parts, given === true ? {} : (given as Given<typeof parts>))),
};
