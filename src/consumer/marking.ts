import { InputError, StateError } from '../base/errors.js';
import { show } from '../base/options.js';
import { checkOffset } from '../client/inputs.js';
import { type AnyMessage, Message, originOf } from '../records/index.js';
import { MessageBatch } from './message-batch.js';
import type { Lease, Partition } from './partition.js';

/** What can be marked: one message, several, or a whole batch. */
export type Markable = Message<unknown, unknown> | MessageBatch<unknown, unknown> | Iterable<Message<unknown, unknown>>;

/** Anything but a partition and an offset. A message has a partition too: given with a number, as by `forEach`, it is a message all the same. */
export const isMarkable = <At>(given: Markable | At, offset: number | undefined): given is Markable =>
  given instanceof Message || given instanceof MessageBatch || (offset === undefined && typeof given !== 'number');

/** Messages of one partition that are to count as done: from the first offset to the last, both included. */
export interface MarkedRange {
  readonly partition: Partition;
  readonly from: number;
  readonly to: number;
}

/**
 * Which ranges `given` stands for; with `upTo` from the beginning. What is done already is left out.
 * @throws KafkaError `TIDE_STALE` for what was taken back, `TIDE_PARTITION_LOST` for what is of a partition that is gone, `TIDE_NOT_OWNED` for what
 * `owner` did not hand out, `TIDE_INPUT` for what is no message.
 */
export function rangesOf(given: Markable, upTo: boolean, owner: object, what: string): readonly MarkedRange[] {
  if (given instanceof MessageBatch) {
    const last = given.at(given.count - 1);
    return joined(last === undefined ? [] : [rangeTo(last, upTo ? 0 : given.firstOffset, owner, what)]);
  }
  const messages = given instanceof Message ? [given] : messagesIn(given, what);
  return joined(messages.map(message => rangeTo(message, upTo ? 0 : message.offset, owner, what)));
}

/** One range for what follows without a gap. */
function joined(ranges: readonly (MarkedRange | undefined)[]): readonly MarkedRange[] {
  const found: MarkedRange[] = [];
  let last: { partition: Partition; from: number; to: number } | undefined;
  for (const range of ranges) {
    if (range === undefined) continue;
    if (last?.partition === range.partition && last.to + 1 === range.from) last.to = range.to;
    else found.push((last = { ...range }));
  }
  return found;
}

/** As {@link rangesOf}, by offset. @throws KafkaError `TIDE_INPUT` unless that message was handed out. */
export function rangeAt(partition: Partition, offset: number, upTo: boolean, what: string): MarkedRange {
  const where = placeOf(partition, offset, what);
  checkOffset(offset, where);
  const { first, position, done, outstanding } = partition;
  if (offset < first || offset >= position) {
    throw new InputError(`${where}: only offsets that were handed out can be marked, here from ${first} to below ${position}`);
  }
  if (offset >= done && !outstanding.knows(offset)) throw noSuchMessage(partition, offset, what);
  return { partition, from: upTo ? 0 : offset, to: offset };
}

/** For an offset in a gap. */
export const noSuchMessage = (partition: Partition, offset: number, what: string): InputError =>
  new InputError(`${placeOf(partition, offset, what)}: there is no such message`);

const placeOf = ({ topic, partition }: Partition | AnyMessage, offset: number, what: string): string =>
  `${what} ${topic}/${partition} offset ${String(offset)}`;

/** To whom a message was handed out; undefined for one that no consumer made. */
export const leaseOf = (message: AnyMessage): Lease | undefined => originOf(message) as Lease | undefined;

/** Undefined for what is done already. */
function rangeTo(message: AnyMessage, from: number, owner: object, what: string): MarkedRange | undefined {
  const lease = leaseOf(message);
  if (lease?.owner !== owner) throw refusal('TIDE_NOT_OWNED', 'this consumer did not hand that message out', message, what);
  const { partition } = lease;
  if (partition.gone !== undefined) throw refusal('TIDE_PARTITION_LOST', partition.gone, message, what);
  const to = message.offset;
  if (lease === partition.lease) return to < partition.done ? undefined : { partition, from, to };
  if (lease.epoch === partition.epoch && to < partition.done) return undefined; // done before the rest was taken back
  const reason =
    lease.epoch === partition.epoch
      ? 'the message was taken back by a rewind, by leaving its loop, or by the end of its context; its offset is handed out again'
      : `the message was taken back when the partition was moved to offset ${partition.first}, by a seek, a rollback, or because the log does not reach back any more`;
  throw refusal('TIDE_STALE', reason, message, what);
}

function refusal(
  code: 'TIDE_NOT_OWNED' | 'TIDE_STALE' | 'TIDE_PARTITION_LOST',
  reason: string,
  message: AnyMessage,
  what: string,
): StateError {
  const { topic, partition, offset } = message;
  return new StateError(code, `${placeOf(message, offset, what)}: ${reason}`, { context: { topic, partition, offset } });
}

function messagesIn(given: unknown, what: string): readonly AnyMessage[] {
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) {
    const messages = [...(given as Iterable<unknown>)];
    if (messages.every(message => message instanceof Message)) return messages;
  }
  throw new InputError(`${what}: expected a message, a list of messages, a batch, or a partition and an offset, got ${show(given)}`);
}
