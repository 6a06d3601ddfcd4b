import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';

/** From where an offset is counted: 0 from the start of the log, 1 from the position, 2 from the end of the log. */
export type Whence = 0 | 1 | 2;

/** What a relative seek needs to know of a partition. */
export interface Bounded {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** The first offset the log holds. */
  readonly start: number;
  /** The offset its next message gets. */
  readonly end: number;
}

/** @throws KafkaError `TIDE_INPUT` for what cannot be a relative seek. */
export function checkWhence(offset: unknown, whence: unknown, what: string): asserts whence is Whence {
  const order = 'the order is (offset, whence, partition)';
  if (!Number.isSafeInteger(offset)) throw new InputError(`${what}: the offset is an integer, got ${show(offset)}; ${order}`);
  if (whence === 0 || whence === 1 || whence === 2) return;
  throw new InputError(`${what}: whence is 0 (log start), 1 (position) or 2 (log end), or undefined, got ${show(whence)}; ${order}`);
}

/**
 * Where a relative seek leads in each partition. From the start or the end of the log `offset` is divided over the partitions, rounded
 * down, and the first ones take one more each until the remainder is used up; from the position each moves by all of it.
 * @throws KafkaError `TIDE_INPUT` when one would leave its log.
 */
export function seekTargets(partitions: readonly Bounded[], offset: number, whence: Whence, what: string): readonly number[] {
  const share = Math.floor(offset / partitions.length);
  const rest = offset - share * partitions.length;
  return partitions.map(({ topic, partition, position, start, end }, i) => {
    const target = whence === 1 ? position + offset : (whence === 0 ? start : end) + share + (i < rest ? 1 : 0);
    if (target >= start && target <= end) return target;
    throw new InputError(`${what}: offset ${target} of ${topic}/${partition} is outside its log, which has ${start} to ${end}`);
  });
}
