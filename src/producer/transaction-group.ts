import { InputError } from '../base/errors.js';
import { integer, needed, optional, resolve, show, text } from '../base/options.js';

/** A consumer group that offsets are stored for; with its member, where the consumer is one (KIP-447). */
export interface TransactionGroup {
  readonly groupId: string;
  /** Of the group as the member knows it, or the member's epoch. Default: -1, no member. */
  readonly generationId?: number | undefined;
  readonly memberId?: string | undefined;
  readonly groupInstanceId?: string | undefined;
}

const rules = {
  groupId: needed(text('')),
  generationId: integer(-1, -1, 2 ** 31 - 1),
  memberId: optional(text('')),
  groupInstanceId: optional(text('')),
};

/** @throws KafkaError `TIDE_INPUT` for what is no group, `TIDE_OPTION` for what a group does not have. */
export function checkGroup(group: string | TransactionGroup): TransactionGroup {
  if (typeof group !== 'string' && (typeof group !== 'object' || group === null))
    throw new InputError(`sendOffsets: expected a group id or { groupId, ... }, got ${show(group)}`);
  return resolve('sendOffsets', rules, typeof group === 'string' ? { groupId: group } : group);
}
