import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { asKafkaError, type KafkaError, StateError } from '../base/errors.js';
import type { ClientCore } from '../client/client.js';
import { type Isolation, listOffsets, type OffsetSpec } from '../client/list-offsets.js';
import type { Bounds } from '../cluster/cluster.js';
import type { Diverging, Misplaced, Misplacement } from './misplacement.js';
import type { AutoOffsetReset } from './offset-reset.js';
import type { Partition } from './partition.js';

/** An offset to fetch means nothing. */
export interface OutOfRange {
  readonly topic: string;
  readonly partition: number;
  readonly requestedOffset: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** Where reading goes on; undefined with the policy `'none'`: the next read fails. */
  readonly newOffset: number | undefined;
  /**
   * `'outside'`: the log does not reach there. `'recreated'`: it is the log of another topic, created under the name of a deleted one.
   * `'truncated'`: messages that were read are not in it any more, since a leader was elected that lacked them.
   */
  readonly why: Misplaced;
  /** Where the logs before and after such an election part, where the leader knows: what is below is the same in both. */
  readonly divergingOffset?: number | undefined;
  /** The epoch of the leader that appended the message before that. */
  readonly divergingEpoch?: number | undefined;
}

export interface PlacingSettings {
  readonly autoOffsetReset: AutoOffsetReset;
  readonly isolation: Isolation;
}

/** How the policy answers an offset that means nothing. */
export interface Answering {
  /** Whether messages from before are still being worked on: retention may pass a position during the work, and it is not moved then. */
  readonly inHand: () => boolean;
  /** Told in the very moment the partition is moved, or its failure is left: nobody can have seen the new position before. */
  readonly answered: (event: OutOfRange) => void;
  readonly bounds: Bounds;
}

/** Chooses offsets where there are none: no commit, or one that the log does not hold. */
export class Placing {
  readonly #client: ClientCore;
  readonly #settings: PlacingSettings;

  constructor(client: ClientCore, settings: PlacingSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  /** The offsets at one point of each partition's log; undefined where no message is as young as the time asked for. Throws as {@link listOffsets}. */
  list(partitions: readonly Partition[], at: OffsetSpec, bounds: Bounds): Promise<readonly (number | undefined)[]> {
    const questions = partitions.map(({ topic, partition }) => ({ topic, partition, at }));
    return listOffsets(this.#client, questions, this.#settings.isolation, bounds);
  }

  /**
   * Moves partitions that have no offset to where the policy says; a new epoch begins in each. Gives those that were moved: not those that
   * somebody has moved meanwhile, and with the policy `'none'` none, and reading from them fails until somebody seeks.
   * @throws KafkaError why the offsets could not be had.
   */
  async place(partitions: readonly Partition[], bounds: Bounds): Promise<readonly Partition[]> {
    const { autoOffsetReset: policy } = this.#settings;
    if (policy === 'none') {
      for (const partition of partitions) partition.failure = noOffset(partition);
      return [];
    }
    const epochs = partitions.map(({ epoch }) => epoch);
    const offsets = await this.choose(partitions, policy, bounds);
    return partitions.filter((partition, i) => {
      if (partition.epoch !== epochs[i]) return false;
      partition.place(offsets[i] ?? 0);
      return true;
    });
  }

  /**
   * Where the policy would move a partition; it is not moved.
   * @throws KafkaError `TIDE_STATE` with the policy `'none'`; why the offset could not be had.
   */
  async target(partition: Partition, bounds: Bounds): Promise<number> {
    const { autoOffsetReset: policy } = this.#settings;
    if (policy === 'none')
      throw new StateError('TIDE_STATE', `${partition.topic}/${partition.partition}: autoOffsetReset is "none"; seek() instead`);
    const [offset = 0] = await this.choose([partition], policy, bounds);
    return offset;
  }

  /**
   * The policy answers an offset that means nothing, or does not yet: then a later fetch will ask again. Where a log was cut, any policy but
   * `'none'` goes back to where that was. A failure, and the policy `'none'`, are left at the partition for the reader. Never rejects.
   */
  async reset(partition: Partition, what: Misplacement, { inHand, answered, bounds }: Answering): Promise<void> {
    const { topic, partition: id, epoch } = partition;
    const { requestedOffset, diverging } = what;
    const { autoOffsetReset: policy } = this.#settings;
    const { clock, settings } = this.#client.cluster;
    const moved = () => partition.epoch !== epoch; // a seek answers it as well
    try {
      const [logStartOffset = 0] = await this.list([partition], 'earliest', bounds);
      const [logEndOffset = 0] = await this.list([partition], 'latest', bounds);
      const [chosen] = policy === 'none' ? [] : diverging ? [diverging.offset] : await this.choose([partition], policy, bounds);
      if (moved()) return;
      const inside = requestedOffset >= logStartOffset && requestedOffset <= logEndOffset;
      // The leader refuses an offset that it has beside an epoch newer than all it knows: that epoch was lost, with what was read of it.
      const why = what.why === 'outside' && inside && (what.epoch ?? -1) >= 0 ? 'truncated' : what.why;
      const passing = why === 'outside' && inside;
      partition.stalled = !passing && partition.position >= requestedOffset && inHand();
      if (passing || partition.position < requestedOffset || partition.stalled) {
        partition.quietUntil = clock.now() + settings.retry.backoffMs;
        return;
      }
      const range = { requestedOffset, logStartOffset, logEndOffset };
      const event = { topic, partition: id, ...range, newOffset: chosen, why, ...(diverging && inEvent(diverging)) };
      if (chosen === undefined) {
        partition.quietUntil = 0;
        partition.failure = notInLog(event);
      } else {
        partition.place(chosen, diverging?.epoch);
      }
      answered(event);
    } catch (error) {
      if (moved()) return;
      partition.quietUntil = clock.now() + settings.retry.maxBackoffMs;
      const failure = asKafkaError(error);
      if (!failure.retriable) partition.failure = failure;
    }
  }

  /** Where to begin for `at`: at the log's end where nothing is as young as the time. Throws as {@link list}. */
  async choose(partitions: readonly Partition[], at: OffsetSpec, bounds: Bounds): Promise<readonly number[]> {
    const found = await this.list(partitions, at, bounds);
    const later = partitions.filter((_, i) => found[i] === undefined); // nothing is as young as the time asked for
    const ends = await this.list(later, 'latest', bounds);
    return partitions.map((partition, i) => found[i] ?? ends[later.indexOf(partition)] ?? 0);
  }
}

function noOffset({ topic, partition }: Partition): StateError {
  const message = `${topic}/${partition}: no committed offset, and autoOffsetReset is "none"; seek, commit one, or choose where to start`;
  return new StateError('TIDE_STATE', message, { context: { topic, partition } });
}

const inEvent = ({ offset: divergingOffset, epoch: divergingEpoch }: Diverging) => ({ divergingOffset, divergingEpoch });

function notInLog({ topic, partition, requestedOffset, logStartOffset, logEndOffset, why, ...diverging }: OutOfRange): KafkaError {
  const { divergingOffset } = diverging;
  const same = divergingOffset === undefined ? 'nobody knows from where on' : `only what is below offset ${divergingOffset} is the same`;
  const reasons: Readonly<Record<Misplaced, string>> = {
    outside: `offset ${requestedOffset} is not in the log`,
    recreated: `the topic was deleted and created again since offset ${requestedOffset} was read`,
    truncated: `messages before offset ${requestedOffset} were lost when a leader was elected that lacked them (${same}): it is another log`,
  };
  return brokerError(errorNumbers.OFFSET_OUT_OF_RANGE, `fetch ${topic}/${partition}`, {
    message: `${reasons[why]}, which has ${logStartOffset} to ${logEndOffset}, and autoOffsetReset is "none"`,
    context: { topic, partition, requestedOffset, logStartOffset, logEndOffset, ...placesOf(diverging) },
  });
}

function placesOf({ divergingOffset, divergingEpoch }: Pick<OutOfRange, 'divergingOffset' | 'divergingEpoch'>): Record<string, number> {
  return divergingOffset === undefined || divergingEpoch === undefined ? {} : { divergingOffset, divergingEpoch };
}
