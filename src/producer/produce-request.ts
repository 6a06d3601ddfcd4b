import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { type KafkaError, UnsupportedError } from '../base/errors.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { Produce, RequestOf, ResponseOf } from '../protocol/index.js';
import type { SealOptions } from '../records/index.js';
import type { Batch } from './batch.js';
import type { Lane } from './lane.js';
import { asMessageSet, type Refusals, RefusedRecordsError, refusedByOld } from './old-broker.js';

/** A batch on its way, and the topic as it was known when it was sent. */
export interface Parcel {
  readonly lane: Lane;
  readonly batch: Batch;
  readonly topic: TopicInfo;
}

export type ProduceAnswer = ResponseOf<typeof Produce>;
export type PartitionAnswer = ProduceAnswer['responses'][number]['partitionResponses'][number];

/** The last version that names topics; later ones carry their ids only (KIP-516). */
export const lastWithNames = 12;
/** The first version that takes record format v2 (KIP-98). */
const firstWithFormat2 = 3;
/** The first version that takes zstd (KIP-110). */
const firstWithZstd = 7;

/** What all produce requests of a sender say, and how their batches were sealed. */
export interface ProduceSettings {
  readonly transactionalId: string | null;
  readonly acks: number;
  readonly ackTimeoutMs: number;
  readonly seal: SealOptions;
}

/**
 * One request with all parcels, for any version; for a broker that is too old for record format v2, in the older one.
 * @throws RefusedRecordsError, when it is encoded, when some of the records have no place there; UnsupportedError for zstd.
 */
export function produceBody(
  brokerId: number,
  parcels: readonly Parcel[],
  { transactionalId, acks, ackTimeoutMs: timeoutMs, seal }: ProduceSettings,
): (version: number) => RequestOf<typeof Produce> {
  return version => {
    if (version < firstWithZstd && seal.compression === 'zstd') {
      throw new UnsupportedError(
        `produce: broker ${brokerId} takes Produce v${version} at most, which cannot carry zstd; that needs Kafka 2.1 or later`,
        { persistence: 'no', context: { brokerId, version, needs: 'Kafka 2.1' } },
      );
    }
    if (version >= firstWithFormat2) return { transactionalId, acks, timeoutMs, topicData: topicData(parcels, bytes => bytes) };
    const refused = new Map<Batch, Refusals>();
    for (const { batch } of parcels) {
      const refusals = batch.bytes && refusedByOld(batch, batch.bytes, brokerId);
      if (refusals !== undefined) refused.set(batch, refusals);
    }
    if (refused.size > 0) throw new RefusedRecordsError(refused);
    return { acks, timeoutMs, topicData: topicData(parcels, (bytes, batch) => asMessageSet(batch, bytes, seal)) };
  };
}

function topicData(parcels: readonly Parcel[], recordsOf: (bytes: Buffer, batch: Batch) => Buffer): RequestOf<typeof Produce>['topicData'] {
  const topics = new Map<string, { name: string; topicId: string; partitionData: { index: number; records: Buffer | null }[] }>();
  for (const { lane, batch, topic } of parcels) {
    let entry = topics.get(lane.topic);
    if (entry === undefined) topics.set(lane.topic, (entry = { name: topic.name, topicId: topic.id, partitionData: [] }));
    entry.partitionData.push({ index: lane.partition, records: batch.bytes === undefined ? null : recordsOf(batch.bytes, batch) });
  }
  return [...topics.values()];
}

/** The answers for all partitions, by name or id of the topic, whichever the broker gave, and partition. */
export function answersOf(answer: ProduceAnswer | undefined): ReadonlyMap<string, PartitionAnswer> {
  const found = new Map<string, PartitionAnswer>();
  for (const { name, topicId, partitionResponses } of answer?.responses ?? []) {
    for (const partition of partitionResponses) found.set(`${name || topicId}/${partition.index}`, partition);
  }
  return found;
}

/**
 * What a broker answers of a partition it does not lead: before it appends, but with acks -1 also after, when it ceased to lead while the
 * replicas copied. The new leader may have the records.
 */
const perhapsAfterAppend: readonly number[] = [errorNumbers.NOT_LEADER_OR_FOLLOWER, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION];

/** The error of one partition; also when the broker left it out. */
export function refusal({ topic, partition }: Lane, brokerId: number, acks: number, answer: PartitionAnswer | undefined): KafkaError {
  const what = `produce ${topic}/${partition} to broker ${brokerId}`;
  const context = { topic, partition, brokerId };
  if (answer === undefined)
    return brokerError(errorNumbers.UNKNOWN_SERVER_ERROR, what, { message: 'the answer leaves the partition out', context });
  const persistence = acks === -1 && perhapsAfterAppend.includes(answer.errorCode) ? 'maybe' : undefined;
  return brokerError(answer.errorCode, what, { message: answer.errorMessage, persistence, context });
}
