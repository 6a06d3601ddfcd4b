import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { ConnectionError, InputError, KafkaError, TimeoutError, UnsupportedError } from '../base/errors.js';
import { custom, duration, type Given, integer, oneOf, optional, type Resolved } from '../base/options.js';
import { withPersistence } from '../base/persistence.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { Bounds } from '../cluster/cluster.js';
import { type ForPartition, type Outcome, type Routed, scatter } from '../cluster/scatter.js';
import { Produce, type RequestOf, type ResponseOf } from '../protocol/index.js';
import { type Bytes, type CompressionName, codecOf, compressionNames, toBytes, toTimestamp } from '../records/index.js';
import type { ClientCore } from './client.js';
import { checkList, checkPlace } from './inputs.js';
import { type DirectBatch, directBatch, type MessageInput } from './produce-batch.js';
import { byTopic, inRounds } from './rounds.js';

export const produceRules = {
  /** Who must have the messages before they count as stored: `'all'` in-sync replicas (also -1), only the leader (1), or nobody (0). Kafka: acks. */
  acks: oneOf<'all' | -1 | 1 | 0>('all', ['all', -1, 1, 0]),
  /** Longest time in ms the leader waits for the replicas that `acks` asks for. Kafka: timeout.ms of the request. */
  ackTimeoutMs: duration(30_000, 1),
  /** How the batch is compressed. Kafka: compression.type. */
  compression: oneOf<CompressionName>('none', compressionNames),
  /** How hard to compress: 1 to 9 for gzip, 1 to 22 for zstd; an error beside codecs that have no levels. Kafka: compression.gzip.level and the like. */
  compressionLevel: optional(integer(1, 1)),
  /** Longest batch in bytes, after compression. Kafka: max.request.size. */
  maxRequestBytes: integer(1024 * 1024, 1024, 2 ** 30),
  /**
   * What to do when nobody knows whether the batch was stored: send it again, and perhaps store it twice, or reject it with `persistence: 'maybe'`.
   * Kafka: retries.
   */
  onUnsure: oneOf('retry', ['retry', 'reject']),
  /** The key of all messages that have none of their own. Default: none. */
  key: custom<Uint8Array | string | null, { readonly bytes: Bytes }>('bytes, a string or null', { bytes: null }, value => ({
    bytes: toBytes(value, 'key'),
  })),
  /** The time of all messages that have none of their own, in ms since 1970. Default: now. */
  timestamp: optional(custom<number, number>('whole ms since 1970', 0, value => toTimestamp(value, 'timestamp'))),
};

/** Options of {@link KafkaClient.produce}. */
export type ProduceOptions = Given<typeof produceRules>;
export type ProduceSettings = Resolved<typeof produceRules>;

/** What to store in one partition. */
export interface ProduceRequest extends ForPartition {
  /** Stored in this order, all of them or none. */
  readonly messages: readonly MessageInput[];
}

/** Where the messages of one call are. */
export interface Produced {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the first message; -1 with `acks: 0`, where nobody says, and where there was no message. */
  readonly baseOffset: number;
  /** The offset of each message, in their order; -1 with `acks: 0`. */
  readonly offsets: readonly number[];
  /** When the broker stored them, in ms since 1970, where the topic is set to `LogAppendTime`; else -1: they keep their own time. */
  readonly appendTime: number;
  /** The first offset in the log; -1 where nobody says. */
  readonly logStartOffset: number;
}

/** The last version that names topics; later ones carry their ids only (KIP-516). */
const lastWithNames = 12;
/** The first version that takes record format v2 (KIP-98). */
const firstWithFormat2 = 3;
/** The first version that takes zstd (KIP-110). */
const firstWithZstd = 7;
/** How much longer than the broker is given we wait for its answer. */
const answerMarginMs = 5000;
/** The number the Perl client gave to a request that was sent and not acknowledged. */
const noAcknowledgement = -1002;

/** With acks -1 a broker says so also after it has appended, when it ceased to lead while the replicas copied. */
const perhapsAfterAppend: readonly number[] = [errorNumbers.NOT_LEADER_OR_FOLLOWER, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION];

/** @throws KafkaError `TIDE_OPTION` for a level that the codec does not have. */
export function checkLevel(what: string, { compression, compressionLevel: level }: ProduceSettings): void {
  const [lowest, highest] = codecOf(compression).levels ?? [];
  if (level === undefined || (lowest !== undefined && highest !== undefined && level >= lowest && level <= highest)) return;
  const why =
    lowest === undefined ? `compression "${compression}" has no levels` : `${compression} has levels from ${lowest} to ${highest}`;
  throw new InputError(`${what}: "compressionLevel" is ${level}, but ${why}`, { code: 'TIDE_OPTION' });
}

/** A request with its batch; none where there are no messages. */
interface Sealed extends ForPartition {
  readonly batch: DirectBatch;
  /** Attempts of which it is not certain that they stored nothing: under way, without an answer, or acknowledged. */
  doubts: number;
}

/**
 * Stores batches, one for each request, in one or more requests for each leader. Outcomes in the order of `requests`; those for one partition are
 * stored in their order, one after the other.
 * @throws KafkaError what is wrong with one of them; then nothing was sent. `TIDE_CLOSED` with `persistence`: `'maybe'` when some may be stored.
 */
export async function produceAll(
  core: ClientCore,
  requests: readonly ProduceRequest[],
  what: string,
  settings: ProduceSettings,
  bounds: Bounds,
): Promise<readonly Outcome<Produced>[]> {
  const { key, timestamp = core.cluster.clock.wallTime(), compression, compressionLevel: level, maxRequestBytes } = settings;
  const outcomes: Outcome<Produced>[] = [];
  const places: number[] = [];
  const sealed: Sealed[] = [];
  for (const [place, request] of requests.entries()) {
    const where = requests.length === 1 ? what : `${what}[${place}]`;
    checkPlace(request, where);
    const { topic, partition, messages } = request;
    checkList(messages, `${where}: messages`);
    outcomes.push({ ok: true, value: nothing(topic, partition) });
    if (messages.length === 0) continue;
    places.push(place);
    const batch = directBatch(messages, `${where} ${topic}/${partition}`, {
      key: key.bytes,
      timestamp,
      compression,
      level,
      maxRequestBytes,
    });
    sealed.push({ topic, partition, batch, doubts: 0 });
  }
  const found = await inRounds(sealed, 'in turn', items =>
    scatter<Sealed, Produced>(core.cluster, {
      items,
      bounds,
      mayRepeat: error => error.retriable && (settings.onUnsure === 'retry' || error.persistence === 'no'),
      send: async (brokerId, routed) => {
        const parts = inParts(routed, maxRequestBytes);
        const sent = await Promise.all(parts.map(part => send(core, brokerId, part, settings, bounds)));
        return sent.flat();
      },
    }),
  ).catch((error: unknown) => {
    if (!(error instanceof KafkaError) || error === bounds.signal?.reason) throw error;
    throw withPersistence(error, sealed.some(({ doubts }) => doubts > 0) ? 'maybe' : 'no');
  });
  for (const [i, place] of places.entries()) {
    const outcome = found[i];
    if (outcome?.ok) outcomes[place] = outcome;
    else if (outcome !== undefined)
      outcomes[place] = { ok: false, error: sealed[i]?.doubts === 0 ? outcome.error : withPersistence(outcome.error, 'maybe') };
  }
  return outcomes;
}

const nothing = (topic: string, partition: number): Produced => ({
  topic,
  partition,
  baseOffset: -1,
  offsets: [],
  appendTime: -1,
  logStartOffset: -1,
});

/** In parts that fit into one request each. */
function inParts(routed: readonly Routed<Sealed>[], maxBytes: number): readonly (readonly Routed<Sealed>[])[] {
  const parts: Routed<Sealed>[][] = [];
  let left = 0;
  for (const entry of routed) {
    const { length } = entry.item.batch.bytes;
    if (length > left) {
      parts.push([]);
      left = maxBytes;
    }
    parts.at(-1)?.push(entry);
    left -= length;
  }
  return parts;
}

/** One request. Where it fails, that is the outcome of its own batches: those beside it may be stored. */
async function send(
  { cluster }: ClientCore,
  brokerId: number,
  routed: readonly Routed<Sealed>[],
  settings: ProduceSettings,
  { signal }: Bounds,
): Promise<readonly Outcome<Produced>[]> {
  const acks = settings.acks === 'all' ? -1 : settings.acks;
  let answer: ResponseOf<typeof Produce>;
  for (const { item } of routed) item.doubts += 1;
  try {
    answer = await cluster.toBroker(brokerId, Produce, version => bodyFor(version, brokerId, routed, settings), {
      maxVersion: routed.every(({ topic }) => topic.id !== ZERO_UUID) ? undefined : lastWithNames,
      answered: acks !== 0,
      timeoutMs: Math.max(cluster.settings.requestTimeoutMs, settings.ackTimeoutMs + answerMarginMs),
      signal,
    });
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    const unsure = error.persistence === 'maybe';
    if (!unsure) for (const { item } of routed) item.doubts -= 1;
    if (error.code === 'TIDE_CLOSED') throw error;
    const unanswered = unsure && (error instanceof ConnectionError || error instanceof TimeoutError);
    const outcome = { ok: false, error: unanswered ? withPersistence(error, 'maybe', noAcknowledgement) : error } as const;
    return routed.map(() => outcome);
  }
  const found = new Map<string, ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]>();
  for (const { name, topicId, partitionResponses } of answer?.responses ?? []) {
    for (const entry of partitionResponses) found.set(`${name || topicId}/${entry.index}`, entry);
  }
  return routed.map(({ item, topic: { id } }): Outcome<Produced> => {
    const { topic, partition, batch } = item;
    if (acks === 0) return { ok: true, value: { ...nothing(topic, partition), offsets: new Array<number>(batch.count).fill(-1) } };
    const part = found.get(`${topic}/${partition}`) ?? found.get(`${id}/${partition}`);
    if (part?.errorCode === 0) {
      const { baseOffset, logAppendTimeMs: appendTime, logStartOffset } = part;
      const offsets = Array.from({ length: batch.count }, (_, i) => (baseOffset < 0 ? -1 : baseOffset + i));
      return { ok: true, value: { topic, partition, baseOffset, offsets, appendTime, logStartOffset } };
    }
    const code = part?.errorCode ?? errorNumbers.UNKNOWN_SERVER_ERROR;
    const error = brokerError(code, `produce ${topic}/${partition} to broker ${brokerId}`, {
      message: part === undefined ? 'the answer leaves the partition out' : part.errorMessage,
      persistence: acks === -1 && perhapsAfterAppend.includes(code) ? 'maybe' : undefined,
      context: { topic, partition, brokerId },
    });
    if (error.persistence !== 'maybe') item.doubts -= 1;
    return { ok: false, error };
  });
}

function bodyFor(
  version: number,
  brokerId: number,
  routed: readonly Routed<Sealed>[],
  { acks, ackTimeoutMs, compression }: ProduceSettings,
): RequestOf<typeof Produce> {
  if (version < firstWithZstd && compression === 'zstd') {
    throw new UnsupportedError(
      `produce: broker ${brokerId} takes Produce v${version} at most, which cannot carry zstd; that needs Kafka 2.1 or later`,
      { persistence: 'no', context: { brokerId, version, needs: 'Kafka 2.1' } },
    );
  }
  const entries = routed.map(({ item, topic }) => ({ ...item, id: topic.id }));
  const topicData = [...byTopic(entries)].map(([name, parts]) => ({
    name,
    topicId: parts[0]?.id ?? ZERO_UUID,
    partitionData: parts.map(({ partition, batch }) => ({
      index: partition,
      records: version >= firstWithFormat2 ? batch.bytes : batch.inOldFormat(),
    })),
  }));
  return { acks: acks === 'all' ? -1 : acks, timeoutMs: Math.round(ackTimeoutMs), topicData };
}
