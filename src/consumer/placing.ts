import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { asError, KafkaError, StateError } from '../base/errors.js';
import type { ClientCore } from '../client/client.js';
import { type Isolation, listOffsets, type OffsetSpec } from '../client/list-offsets.js';
import type { AutoOffsetReset } from './offset-reset.js';
import type { Partition } from './partition.js';

/** An offset to fetch was not in the log. */
export interface OutOfRange {
  readonly topic: string;
  readonly partition: number;
  readonly requestedOffset: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** Where reading goes on; undefined with the policy `'none'`: the next read fails. */
  readonly newOffset: number | undefined;
}

export interface PlacingSettings {
  readonly autoOffsetReset: AutoOffsetReset;
  readonly isolation: Isolation;
}

/** Chooses offsets where there are none: no commit, or one that the log does not hold. */
export class Placing {
  readonly #client: ClientCore;
  readonly #settings: PlacingSettings;

  constructor(client: ClientCore, settings: PlacingSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  /** The offsets at one point of each partition's log; undefined where no message is as young as the time asked for. */
  list(partitions: readonly Partition[], at: OffsetSpec): Promise<readonly (number | undefined)[]> {
    const questions = partitions.map(({ topic, partition }) => ({ topic, partition, at }));
    return listOffsets(this.#client, questions, this.#settings.isolation);
  }

  /**
   * Moves the partitions to where the policy says; a new epoch begins in each.
   * @throws KafkaError `TIDE_STATE` with the policy `'none'`, or why the offsets could not be had.
   */
  async place(partitions: readonly Partition[]): Promise<void> {
    if (partitions.length === 0) return;
    const { autoOffsetReset: policy } = this.#settings;
    if (policy === 'none') {
      const where = partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ');
      throw new StateError(
        'TIDE_STATE',
        `${where}: no committed offset, and autoOffsetReset is "none"; commit one, or choose where to start`,
      );
    }
    const found = await this.list(partitions, policy);
    const later = partitions.filter((_, i) => found[i] === undefined);
    const ends = await this.list(later, 'latest');
    for (const [i, partition] of partitions.entries()) partition.seek(found[i] ?? ends[later.indexOf(partition)] ?? 0);
  }

  /**
   * The policy answers an offset that is not in the log; tells what it did. Undefined: nothing yet, a later fetch will ask again. That is so
   * while messages from before are still being worked on (`inHand`): retention may pass a position during the work.
   * A failure, and the policy `'none'`, are left at the partition for the reader.
   */
  async reset(partition: Partition, requestedOffset: number, inHand: () => boolean): Promise<OutOfRange | undefined> {
    const { topic, partition: id, epoch } = partition;
    const { clock, settings } = this.#client.cluster;
    partition.quietUntil = Number.POSITIVE_INFINITY; // no fetch meanwhile
    try {
      const [logStartOffset = 0] = await this.list([partition], 'earliest');
      const [logEndOffset = 0] = await this.list([partition], 'latest');
      if (partition.epoch !== epoch) return undefined;
      const passing = requestedOffset >= logStartOffset && requestedOffset <= logEndOffset;
      if (passing || partition.position < requestedOffset || inHand()) {
        partition.quietUntil = clock.now() + settings.retry.backoffMs;
        return undefined;
      }
      const what = { topic, partition: id, requestedOffset, logStartOffset, logEndOffset };
      if (this.#settings.autoOffsetReset === 'none') {
        partition.quietUntil = 0;
        partition.failure = brokerError(errorNumbers.OFFSET_OUT_OF_RANGE, `fetch ${topic}/${id}`, {
          message: `offset ${requestedOffset} is not in the log, which has ${logStartOffset} to ${logEndOffset}, and autoOffsetReset is "none"`,
          context: what,
        });
        return { ...what, newOffset: undefined };
      }
      await this.place([partition]);
      return { ...what, newOffset: partition.position };
    } catch (error) {
      partition.quietUntil = clock.now() + settings.retry.maxBackoffMs;
      if (!(error instanceof KafkaError)) partition.failure = new KafkaError('TIDE_STATE', asError(error).message, { cause: error });
      else if (!error.retriable) partition.failure = error;
      return undefined;
    }
  }
}
