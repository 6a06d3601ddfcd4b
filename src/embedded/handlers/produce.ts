import { errorNumbers } from '../../base/broker-errors.js';
import { CorruptRecordError } from '../../base/errors.js';
import { Produce, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type RecordBatch, readBatches, stampAppendTime } from '../../records/index.js';
import { type Call, handler } from '../handler.js';
import type { Partition, Topic } from '../topic.js';
import { admit } from './admit.js';
import { findLed, findTopic, LeaderHints, type NamedTopic } from './leadership.js';

type PartitionData = RequestIn<typeof Produce>['topicData'][number]['partitionData'][number];
type PartitionAnswer = ResponseInput<typeof Produce>['responses'][number]['partitionResponses'][number];
type Errno = keyof typeof errorNumbers;

/** The first version that may carry zstd. */
const ZSTD_FROM = 7;
/** The first version whose partitions are taken into the transaction by themselves (KIP-890). */
const ADDS_FROM = 12;
const ABORTABLE_FROM = 11;
const IDS_FROM = 13;
/** The first version with leaders and their addresses. */
const HINTS_FROM = 10;

/** Appends batches. Each is checked as a broker does, but for the records inside. */
export const produce = handler({
  api: Produce,
  versions: [3, Produce.versions[1]],
  listedFrom: 0,
  answer(call) {
    const { body, version, cluster } = call;
    const hints = new LeaderHints(cluster, version >= HINTS_FROM, version >= HINTS_FROM);
    const responses = body.topicData.map(({ name, topicId, partitionData }) => {
      const topic = findTopic(cluster, name, topicId, version >= IDS_FROM);
      return { name, topicId, partitionResponses: partitionData.map(data => answerPartition(call, topic, data, hints)) };
    });
    if (body.acks === 0) return responses.some(each => each.partitionResponses.some(({ errorCode }) => errorCode !== 0)) ? 'close' : 'none';
    return { responses, nodeEndpoints: hints.endpoints() };
  },
});

function answerPartition(call: Call<typeof Produce>, topic: NamedTopic, data: PartitionData, hints: LeaderHints): PartitionAnswer {
  const { index } = data;
  const { acks } = call.body;
  if (acks !== 0 && acks !== 1 && acks !== -1) return refused(index, 'INVALID_REQUIRED_ACKS');
  const led = findLed(call, topic, index);
  if (led.partition === undefined || topic.topic === undefined || led.error !== 0) {
    return { index, errorCode: led.error, baseOffset: -1, currentLeader: hints.about(led) };
  }
  if (acks === -1 && call.cluster.inSync(led.partition).length < topic.topic.minInSyncReplicas)
    return refused(index, 'NOT_ENOUGH_REPLICAS');
  return append(call, topic.topic, led.partition, data);
}

function append(call: Call<typeof Produce>, topic: Topic, partition: Partition, { index, records }: PartitionData): PartitionAnswer {
  const { version } = call;
  let batch: RecordBatch | undefined;
  try {
    batch = readBatches(records, { topic: topic.name, partition: index }).next();
  } catch (error) {
    return refused(index, error instanceof CorruptRecordError ? 'CORRUPT_MESSAGE' : 'INVALID_RECORD', String(error));
  }
  if (batch === undefined || records === null || batch.magic !== 2 || batch.sizeBytes !== records.length) {
    return refused(index, 'INVALID_RECORD', 'a partition must come with exactly one record batch of format v2');
  }
  if (batch.isTransactional && call.body.transactionalId === null) return refused(index, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  if (batch.compression === 'zstd' && version < ZSTD_FROM) return refused(index, 'UNSUPPORTED_COMPRESSION_TYPE');
  if (records.length > topic.maxMessageBytes) {
    return refused(index, 'MESSAGE_TOO_LARGE', `a batch of ${records.length} bytes, at most ${topic.maxMessageBytes} are allowed`);
  }
  const begins = batch.isTransactional && !isOpen(partition, batch);
  const { transactionalId } = call.body;
  if (begins && transactionalId !== null) {
    const manner = { adds: version >= ADDS_FROM, knowsAbortable: version >= ABORTABLE_FROM };
    const errorCode = admit(call.cluster, transactionalId, batch, { partition }, manner);
    if (errorCode !== 0) return { index, errorCode, baseOffset: -1 };
  }
  const { log } = partition;
  const logStartOffset = log.startOffset;
  const wrong = whatIsWrong(batch);
  if (wrong !== undefined) return { ...refused(index, 'INVALID_RECORD', wrong), logStartOffset };

  const unknown = isOld(call) ? errorNumbers.UNKNOWN_PRODUCER_ID : 0;
  const verdict = partition.producers.judge(batch, begins && version >= ADDS_FROM ? errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER : unknown);
  if (verdict.kind === 'refuse') return { index, errorCode: verdict.error, baseOffset: -1, logStartOffset };
  if (verdict.kind === 'duplicate') {
    const { baseOffset, maxTimestamp } = verdict.stored;
    return { index, errorCode: 0, baseOffset, logAppendTimeMs: maxTimestamp, logStartOffset }; // as Kafka does, whoever gave the timestamp
  }
  if (!batch.isTransactional && partition.transactions.openedAt(batch.producerId) !== undefined) {
    return { ...refused(index, 'INVALID_TXN_STATE'), logStartOffset };
  }

  const own = Buffer.from(records); // the request goes on to be shown as it came
  const appendTime = topic.stampsAppendTime ? call.cluster.clock.wallTime() : -1;
  if (appendTime >= 0) stampAppendTime(own, appendTime);
  const stored = partition.append(own, batch, { appendTime });
  log.retain(topic.retentionBytes);
  partition.changed();
  return { index, errorCode: 0, baseOffset: stored.baseOffset, logAppendTimeMs: appendTime, logStartOffset: log.startOffset };
}

/** Whether the producer's transaction is open in the partition already: then nobody need be asked. */
const isOpen = ({ producers, transactions }: Partition, { producerId, producerEpoch }: RecordBatch): boolean =>
  transactions.openedAt(producerId) !== undefined && producers.of(producerId)?.epoch === producerEpoch;

/** Before 2.5 a producer of whom nothing is known had to begin at sequence 0 (KIP-360). */
const isOld = ({ cluster }: Call<typeof Produce>): boolean => cluster.options.emulate === '1.1';

/** What a producer must not send, though its bytes are sound. */
function whatIsWrong({ baseOffset, recordCount, lastOffset, isControl }: RecordBatch): string | undefined {
  if (baseOffset !== 0) return `the base offset of a batch must be 0, it is ${baseOffset}`;
  if (recordCount === 0 || recordCount !== lastOffset + 1) return 'the offsets of a batch must be as many as its records';
  if (isControl) return 'clients are not allowed to write control records';
  return undefined;
}

const refused = (index: number, error: Errno, errorMessage?: string): PartitionAnswer => ({
  index,
  errorCode: errorNumbers[error],
  baseOffset: -1,
  errorMessage: errorMessage ?? null,
});
