import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { turn } from '../base/clock.js';
import { BrokerError, KafkaError } from '../base/errors.js';
import { flag, type Given, integer, oneOf, type Resolved } from '../base/options.js';
import type { Bounds } from '../cluster/cluster.js';
import { type ForPartition, type Outcome, type Routed, scatter } from '../cluster/scatter.js';
import { Fetch } from '../protocol/index.js';
import type { Message } from '../records/index.js';
import type { ClientCore } from './client.js';
import { answersOf, type FetchPart, fetchBodyOf, fetchVersionOf, type PartitionAnswer } from './fetch-request.js';
import { checkCount, checkOffset, checkPlace } from './inputs.js';
import { findOffsets, type Isolation } from './list-offsets.js';
import { afterRetries } from './missing-topic.js';
import { type OnDamage, readShare } from './read-share.js';
import { inRounds } from './rounds.js';

const mebibyte = 1024 * 1024;

export const fetchRules = {
  /** Largest answer in bytes, for each partition; a first batch that is larger comes all the same. Kafka: max.partition.fetch.bytes. */
  maxBytes: integer(mebibyte, 1, 2 ** 31 - 1),
  /** Smallest answer in bytes worth sending before `maxWaitMs` is over; 0 answers at once. Kafka: fetch.min.bytes. */
  minBytes: integer(1, 0, 2 ** 31 - 1),
  /** Longest time in ms the broker may hold a fetch that has fewer than `minBytes`. The time limit of the request comes on top. Kafka: fetch.max.wait.ms. */
  maxWaitMs: integer(500, 0, 300_000),
  /** Whether messages of transactions that are not committed are passed over. Kafka: isolation.level. */
  isolation: oneOf<Isolation>('read_committed', ['read_committed', 'read_uncommitted']),
  /** Gives the messages too that lie below the offset asked for in the batch that holds it. */
  includeBatchHead: flag(false),
  /**
   * What becomes of records that are damaged, also when fetched once more: `'throw'` is an error as soon as they are the next to read, `'skip'`
   * passes over them, `'return'` gives one message in their place whose `valid` is false.
   */
  onCorrupt: oneOf<OnDamage>('throw', ['throw', 'skip', 'return']),
  /** Largest size in bytes of one batch after decompression, with 32 bytes for each of its records; a larger one is an error. */
  maxDecompressedBytes: integer(128 * mebibyte, 1024, 2 ** 31 - 1),
};

/** Options of {@link KafkaClient.fetch}. */
export type FetchOptions = Given<typeof fetchRules>;
export type FetchSettings = Resolved<typeof fetchRules>;

/** What to read. */
export interface FetchRequest extends ForPartition {
  /** The first offset wanted. */
  readonly offset: number;
  /** Largest part of the answer in bytes for this partition. Default: the call's `maxBytes`. */
  readonly maxBytes?: number | undefined;
}

/** What a fetch brought from one partition. Nothing of it is remembered: the next fetch is from {@link nextOffset}. */
export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  /** In order; views of the answer: `detach()` copies one out. */
  readonly messages: readonly Message[];
  /** Where to go on: behind the messages, and behind markers, aborted transactions and gaps, so it may grow where no message came. */
  readonly nextOffset: number;
  /** The offset behind the last message that all in-sync replicas have. */
  readonly highWatermark: number;
  /** The offset of the first message of the first open transaction, or {@link highWatermark}; -1 where the broker is too old to say. */
  readonly lastStableOffset: number;
  /** The first offset in the log; -1 where the broker is too old to say. */
  readonly logStartOffset: number;
}

/** The most that a partition's first batch is fetched with, when an old broker cuts it short; what follows is an error. */
const maxAttemptsAtOne = 3;

/** @throws KafkaError `TIDE_INPUT`. */
export function checkFetch(request: FetchRequest, what: string): void {
  checkPlace(request, what);
  checkOffset(request.offset, what);
  if (request.maxBytes !== undefined) checkCount(request.maxBytes, `${what}: maxBytes`);
}

/** Reads from partitions, each at an offset of its own; one request for each leader. Outcomes in the order of `requests`. */
export function fetchAll(
  core: ClientCore,
  requests: readonly FetchRequest[],
  settings: FetchSettings,
  bounds: Bounds,
): Promise<readonly Outcome<Fetched>[]> {
  return inRounds(requests, 'together', async items => {
    const read = (tries: readonly Try[]) =>
      scatter<Try, Fetched | Again>(core.cluster, {
        items: tries,
        bounds,
        // A log that is damaged at the broker does not mend by waiting.
        mayRepeat: error => error.retriable && error.errno !== errorNumbers.CORRUPT_MESSAGE,
        send: (brokerId, routed) => ask(core, brokerId, routed, settings, bounds),
      });
    const outcomes: Outcome<Fetched>[] = new Array(items.length);
    let tries = items.map((item, place): Try => ({ ...item, place, attempt: 1 }));
    while (tries.length > 0) {
      const again: Try[] = [];
      const found = await read(tries);
      for (const [i, one] of tries.entries()) {
        const outcome = found[i];
        if (outcome === undefined) continue;
        if (!outcome.ok) outcomes[one.place] = { ok: false, error: await atLast(core, one, outcome.error, settings, bounds) };
        else if ('again' in outcome.value) again.push({ ...one, attempt: one.attempt + 1, maxBytes: outcome.value.again ?? one.maxBytes });
        else outcomes[one.place] = { ok: true, value: outcome.value };
      }
      tries = again;
    }
    return outcomes;
  });
}

/** A fetch of one partition, and how often it was tried. */
interface Try extends FetchRequest {
  readonly place: number;
  readonly attempt: number;
}

/** It has to be fetched once more, with so many bytes where that helps. */
interface Again {
  readonly again: number | undefined;
}

async function ask(
  core: ClientCore,
  brokerId: number,
  routed: readonly Routed<Try>[],
  settings: FetchSettings,
  bounds: Bounds,
): Promise<readonly Outcome<Fetched | Again>[]> {
  const { cluster, polls } = core;
  const { maxWaitMs, minBytes, isolation } = settings;
  const parts = routed.map(({ item, partition, topic }): FetchPart => {
    const { maxBytes = settings.maxBytes, offset } = item;
    return { topic: item.topic, topicId: topic.id, partition: item.partition, leaderEpoch: partition.leaderEpoch, offset, maxBytes };
  });
  const maxBytes = parts.reduce((sum, part) => sum + part.maxBytes, 0);
  const body = (version: number) => fetchBodyOf(parts, { maxWaitMs, minBytes, isolation, maxBytes }, version);
  const answer = await polls.run(bounds.signal, purpose =>
    cluster.toBroker(brokerId, Fetch, body, {
      purpose,
      signal: bounds.signal,
      // The broker may hold it for so long.
      timeoutMs: maxWaitMs + cluster.settings.requestTimeoutMs,
      maxVersion: fetchVersionOf(parts),
    }),
  );
  if (answer.errorCode !== 0) throw brokerError(answer.errorCode, `fetch from broker ${brokerId}`);
  const found = answersOf(parts, answer);
  return Promise.all(
    routed.map(async ({ item }, i): Promise<Outcome<Fetched | Again>> => {
      const { partition } = item;
      const part = found[i];
      if (part?.errorCode === 0) return read(core, item, part, settings);
      const error = brokerError(part?.errorCode ?? -1, `fetch ${item.topic}/${partition} from broker ${brokerId}`, {
        message: part === undefined ? 'the answer leaves the partition out' : undefined,
        context: { topic: item.topic, partition, offset: item.offset, brokerId },
      });
      return { ok: false, error };
    }),
  );
}

async function read(core: ClientCore, item: Try, answer: PartitionAnswer, settings: FetchSettings): Promise<Outcome<Fetched | Again>> {
  const { topic, partition, offset, attempt } = item;
  const { isolation, onCorrupt, includeBatchHead, maxDecompressedBytes } = settings;
  try {
    const { messages, nextOffset, damage, bytesNeeded } = await readShare({
      topic,
      partition,
      offset,
      records: answer.records,
      aborted: isolation === 'read_committed' ? answer.abortedTransactions : null,
      includeBatchHead,
      onCorrupt,
      maxDecompressedBytes,
      turn: () => turn(core.cluster.clock),
    });
    // What was damaged on the way is sound when it comes again.
    if (damage !== undefined && attempt === 1) return { ok: true, value: { again: undefined } };
    if (damage !== undefined && onCorrupt === 'throw' && nextOffset === offset) return { ok: false, error: damage };
    const enough = Math.min(bytesNeeded, core.cluster.settings.maxResponseBytes);
    if (enough > (item.maxBytes ?? settings.maxBytes) && attempt < maxAttemptsAtOne) return { ok: true, value: { again: enough } };
    const { highWatermark, lastStableOffset, logStartOffset } = answer;
    return { ok: true, value: { topic, partition, messages, nextOffset, highWatermark, lastStableOffset, logStartOffset } };
  } catch (error) {
    if (error instanceof KafkaError) return { ok: false, error };
    throw error;
  }
}

/** The error when it is not tried again, with where the log begins and ends when the offset is outside of it. */
async function atLast(core: ClientCore, item: Try, error: KafkaError, { isolation }: FetchSettings, bounds: Bounds): Promise<KafkaError> {
  if (error.errno !== errorNumbers.OFFSET_OUT_OF_RANGE) return afterRetries(error, item, core.cluster);
  const { topic, partition, offset } = item;
  const place = { topic, partition };
  const [start, end] = await findOffsets(
    core,
    [
      { ...place, at: 'earliest' },
      { ...place, at: 'latest' },
    ],
    isolation,
    bounds,
  );
  if (!start?.ok || !end?.ok || start.value === undefined || end.value === undefined) return error;
  const [logStartOffset, logEndOffset] = [start.value.offset, end.value.offset];
  return new BrokerError(
    error.code,
    `fetch ${topic}/${partition}: offset ${offset} is not in the log, which has ${logStartOffset} to ${logEndOffset}`,
    {
      errno: error.errno,
      cause: error,
      persistence: error.persistence,
      context: { ...error.context, logStartOffset, logEndOffset },
    },
  );
}
