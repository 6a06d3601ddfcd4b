import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { asKafkaError, CorruptRecordError, KafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { type Cluster, remedyOf } from '../cluster/cluster.js';
import type { Endpoint } from '../cluster/metadata.js';
import { scanBatches } from '../records/index.js';
import { fetchOutcome } from './fetch-outcome.js';
import { type Asked, type FetchLimits, isCurrent, isOfFollower, type PartitionAnswer } from './fetch-request.js';
import type { Misplacement } from './misplacement.js';
import type { Partition } from './partition.js';
import { readInstead } from './read-replica.js';

export interface IntakeSettings {
  readonly cluster: Cluster;
  readonly limits: FetchLimits;
  /** Where a partition stands means nothing; it is not fetched until that is answered. */
  readonly misplaced: (partition: Partition, what: Misplacement) => void;
  /** Something was left at a partition that the reader has to know. */
  readonly failed: () => void;
}

/** Who answered, and what else the answer says. */
export interface Answered {
  readonly brokerId: number;
  readonly endpoints: readonly Endpoint[];
  /** Whether these are the first records of the answer: of them a whole batch comes, whatever its size. */
  readonly first: boolean;
}

/** Where an epoch ended in the leader's log: the last one that is not newer than what was read. */
export interface EpochEnd {
  readonly epoch: number;
  readonly endOffset: number;
}

/**
 * What answers to fetches mean for their partitions: records are taken, failures are tried again for ever, each partition for itself; what
 * the reader must know is left at the partition.
 */
export class Intake {
  readonly #cluster: Cluster;
  readonly #settings: IntakeSettings;
  #served = 0;

  constructor(settings: IntakeSettings) {
    this.#cluster = settings.cluster;
    this.#settings = settings;
  }

  /** The answer for one partition, nobody having moved it meanwhile. */
  take(asked: Asked, answer: PartitionAnswer, from: Answered): void {
    const { errorCode, divergingEpoch, preferredReadReplica, partitionIndex: index, currentLeader } = answer;
    if (errorCode !== 0) {
      const hint = () => this.#cluster.leaderMoved(asked.topic.name, { index, currentLeader }, from.endpoints);
      return this.refused(asked, errorCode, from.brokerId, hint);
    }
    if (divergingEpoch.endOffset >= 0) return this.#parted(asked.partition, divergingEpoch);
    if (preferredReadReplica >= 0 && !isOfFollower(asked)) return this.#sentOn(asked, preferredReadReplica);
    this.#advance(asked, answer, from.first);
  }

  /** @param knowsLeader Whether the broker has said where else to ask. */
  refused(asked: Asked, errorCode: number, brokerId: number, knowsLeader: () => boolean = () => false): void {
    const { partition, topic, offset } = asked;
    const outcome = fetchOutcome(errorCode);
    const error = () =>
      brokerError(errorCode, `fetch ${partition.topic}/${partition.partition} from broker ${brokerId}`, {
        context: { topic: partition.topic, partition: partition.partition, offset, brokerId },
      });
    partition.readReplica = undefined; // whatever it is, the leader knows better
    switch (outcome) {
      case 'reset':
        if (isOfFollower(asked)) return this.#passed(error(), this.quiet(partition, undefined)); // it may be behind
        return this.#settings.misplaced(partition, { why: 'outside', requestedOffset: offset, epoch: asked.fetchedEpoch });
      case 'refresh':
        if (!knowsLeader()) this.#cluster.outdated(topic);
        return this.#passed(error(), this.quiet(partition, undefined));
      case 'wait':
        return this.#passed(error(), this.quiet(partition, undefined));
      case 'advance':
      case 'fail':
        partition.failure = error();
        return;
      default:
        return outcome satisfies never;
    }
  }

  /** The leader has named another replica to be asked, and given nothing. */
  #sentOn({ partition, info, topic }: Asked, brokerId: number): void {
    if (readInstead(partition, brokerId, info, this.#cluster)) return;
    this.#cluster.outdated(topic); // it knows more brokers
    this.quiet(partition, undefined);
  }

  /** A leader has said where the epoch ended that the last record fetched is of. */
  checked({ partition, info, offset, fetchedEpoch }: Asked, end: EpochEnd | undefined): void {
    if (end === undefined || (end.epoch === fetchedEpoch && end.endOffset >= offset)) partition.validatedFor = info.leaderEpoch;
    else if (end.epoch >= 0 && end.endOffset >= 0) this.#parted(partition, end);
    else this.#settings.misplaced(partition, { why: 'truncated', requestedOffset: partition.position });
  }

  /** Where a log begins and ends, which a broker that remembers having said so does not say again. */
  told(partition: Partition, { errorCode, highWatermark, lastStableOffset, logStartOffset }: PartitionAnswer): void {
    if (errorCode !== 0) return;
    const readCommitted = this.#settings.limits.isolation === 'read_committed';
    partition.highWatermark = readCommitted && lastStableOffset >= 0 ? lastStableOffset : highWatermark;
    partition.logStartOffset = logStartOffset;
  }

  /** There is nothing new. */
  nothing(partition: Partition): void {
    partition.failures = 0;
    partition.emptyAnswers += 1;
  }

  /**
   * The leader's log is another one than was read: it shares all up to the end of that epoch. What was only fetched ahead is dropped; what
   * was handed out is for the policy.
   */
  #parted(partition: Partition, { epoch, endOffset }: EpochEnd): void {
    const { position, epochs, prefetched } = partition;
    const offset = Math.min(endOffset, epochs.endOf(epoch));
    if (position <= offset) {
      if (prefetched.nextFetch > position) return partition.fetchAgain();
      // It says that all that was read is the same, and that it is not. That is looked at no more.
      epochs.restart(position);
      this.quiet(partition, undefined);
      return;
    }
    this.#settings.misplaced(partition, { why: 'truncated', requestedOffset: position, diverging: { epoch, offset } });
  }

  #advance({ partition, info, offset: from }: Asked, answer: PartitionAnswer, first: boolean): void {
    const { topic, partition: id, prefetched, epochs } = partition;
    const readCommitted = this.#settings.limits.isolation === 'read_committed';
    const { records } = answer;
    if (records === null || records.length === 0) return this.nothing(partition);
    const { nextOffset, bytesNeeded } = scanBatches(records, (offset, next, epoch) => {
      // Nobody has looked at a checksum yet, and none covers the epoch: what cannot be is not believed, what was known below stays.
      const possible = info.leaderEpoch < 0 || epoch <= info.leaderEpoch;
      epochs.add(Math.max(offset, from), next, possible ? epoch : -1);
    });
    if (nextOffset === undefined && bytesNeeded > 0) {
      // Only the first of all batches is sent whole whatever its size. Where not even that was, its length is wrong.
      this.quiet(partition, undefined);
      if (!first) return;
      const where = `records of ${topic}/${id} at offset ${prefetched.nextFetch}`;
      partition.failure = new CorruptRecordError(`${where}: a batch claims ${bytesNeeded} bytes, and ${records.length} came`, {
        context: { topic, partition: id, offset: prefetched.nextFetch },
      });
      return;
    }
    partition.failures = 0;
    partition.servedAt = ++this.#served;
    partition.validatedFor = info.leaderEpoch;
    const aborted = readCommitted ? (answer.abortedTransactions ?? []) : null;
    // What is no batch at all is given to the reader, who says what is wrong with it.
    prefetched.add({ records, aborted }, Math.max(nextOffset ?? 0, prefetched.nextFetch));
  }

  /** A whole request failed: each of its partitions waits, and is looked for elsewhere; or the reader is told. */
  unanswered(asked: readonly Asked[], error: unknown): void {
    const passing = error instanceof KafkaError && (error.retriable || remedyOf(error) !== 'none');
    let untilAt = this.#cluster.clock.now();
    for (const entry of asked) {
      if (passing) this.#cluster.outdated(entry.topic);
      entry.partition.readReplica = undefined;
      if (!isCurrent(entry)) continue;
      if (passing) untilAt = Math.max(untilAt, this.quiet(entry.partition, undefined));
      else entry.partition.failure = asKafkaError(error);
    }
    if (passing) this.#passed(error, untilAt);
  }

  /** No fetch of this partition for a while; gives until when. An error that will not pass, or did not in all attempts, is left for the reader. */
  quiet(partition: Partition, error: unknown): number {
    const { clock, settings } = this.#cluster;
    const { retry } = settings;
    partition.failures += 1;
    partition.quietUntil = clock.now() + backoffMs(retry, partition.failures);
    if (error instanceof KafkaError) {
      const gone = error.errno === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION && partition.failures >= retry.attempts;
      if (gone || !error.retriable) {
        partition.failure = error;
        this.#settings.failed();
      } else {
        this.#passed(error, partition.quietUntil);
      }
    }
    return partition.quietUntil;
  }

  /** The reader is not told of `error`: it is tried again at `untilAt`. */
  #passed(error: KafkaError, untilAt: number): void {
    this.#cluster.passing(error, Math.max(0, untilAt - this.#cluster.clock.now()));
  }
}
