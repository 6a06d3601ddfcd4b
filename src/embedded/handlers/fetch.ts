import { errorNumbers } from '../../base/broker-errors.js';
import { Fetch, type ResponseInput } from '../../protocol/index.js';
import { type FetchPart, type Opened, tell } from '../fetch-sessions.js';
import { type Call, handler } from '../handler.js';
import type { Partition } from '../topic.js';
import { type PartitionAnswer, type PartitionRead, readPartition } from './fetch-partition.js';
import { findTopic, LeaderHints } from './leadership.js';

type Answer = ResponseInput<typeof Fetch>;

const LEADERS_FROM = 12;
const IDS_FROM = 13;
const ENDPOINTS_FROM = 16;
/** Errors of a session, which stand in front of all partitions. */
const SESSION_ERRORS: readonly number[] = [
  errorNumbers.FETCH_SESSION_ID_NOT_FOUND,
  errorNumbers.INVALID_FETCH_SESSION_EPOCH,
  errorNumbers.FETCH_SESSION_TOPIC_ID_ERROR,
];

/** Record batches, as soon as there are `minBytes` of them or `maxWaitMs` are over. */
export const fetch = handler({
  api: Fetch,
  versions: [4, Fetch.versions[1]],
  about: ({ body, cluster, broker }) =>
    [...cluster.fetchSessions(broker).partsOf(body)].map(({ topic, topicId, wanted: { partition } }) => {
      return { topic: topic || cluster.topicById(topicId)?.name, partition };
    }),
  async answer(call) {
    const { body, cluster, closed, version, broker } = call;
    const refused = call.refusal({});
    if (SESSION_ERRORS.includes(refused)) return { errorCode: refused, responses: [] };
    const opened = cluster.fetchSessions(broker).open(body, version);
    if (opened.kind === 'refused') return { errorCode: opened.errorCode, responses: [] };
    const until = cluster.clock.now() + body.maxWaitMs;
    for (;;) {
      const share = gather(call, opened.parts);
      const waitMs = until - cluster.clock.now();
      if (share.complete || share.sizeBytes >= body.minBytes || waitMs <= 0 || closed.aborted) return answerWith(call, opened, share);
      await change(call, share.partitions, waitMs);
    }
  },
});

/** One partition, and what there is of it. */
interface PartRead {
  readonly part: FetchPart;
  readonly read: PartitionRead;
}

interface Share {
  readonly parts: readonly PartRead[];
  readonly hints: LeaderHints;
  readonly sizeBytes: number;
  /** Nothing to wait for: an error, a log that was cut, another broker to ask, or no partitions. */
  readonly complete: boolean;
  /** What to wait for. */
  readonly partitions: readonly Partition[];
}

/** What there is for a fetch now. */
function gather(call: Call<typeof Fetch>, wanted: readonly FetchPart[]): Share {
  const { body, cluster, version } = call;
  const hints = new LeaderHints(cluster, version >= LEADERS_FROM, version >= ENDPOINTS_FROM);
  let sizeBytes = 0;
  const parts = wanted.map(part => {
    const topic = findTopic(cluster, part.topic, part.topicId, version >= IDS_FROM);
    const read = readPartition(call, topic, part.wanted, hints, body.maxBytes - sizeBytes, sizeBytes === 0);
    sizeBytes += read.sizeBytes;
    return { part, read };
  });
  const partitions = parts.flatMap(({ read: { partition } }) => partition ?? []);
  return { parts, hints, sizeBytes, complete: partitions.length === 0 || parts.some(({ read }) => isUrgent(read.answer)), partitions };
}

const isUrgent = ({ errorCode, divergingEpoch, preferredReadReplica = -1 }: PartitionAnswer): boolean =>
  errorCode !== 0 || divergingEpoch !== undefined || preferredReadReplica >= 0;

/** In a session only what is new is told. */
function answerWith({ cluster, version, broker }: Call<typeof Fetch>, opened: Opened, { parts, hints }: Share): Answer {
  const told = parts.map(({ part, read: { answer } }) => {
    const { errorCode, highWatermark, logStartOffset = -1 } = answer;
    return { ...part, ...(errorCode === 0 ? { highWatermark, logStartOffset } : { highWatermark: -1, logStartOffset: -1 }) };
  });
  if (opened.kind !== 'session') {
    const begins = opened.kind === 'whole' && opened.begins;
    const sessionId = begins ? cluster.fetchSessions(broker).begin(told, version) : 0;
    return { sessionId, responses: byTopic(parts), nodeEndpoints: hints.endpoints() };
  }
  const news = parts.filter(({ read: { answer, sizeBytes } }, i) => {
    const before = opened.parts[i];
    const isNews = sizeBytes > 0 || isUrgent(answer);
    return isNews || before?.highWatermark !== answer.highWatermark || before.logStartOffset !== answer.logStartOffset;
  });
  for (const [i, part] of told.entries()) tell(opened.session, part, (parts[i]?.read.sizeBytes ?? 0) > 0);
  return { sessionId: opened.session.id, responses: byTopic(news), nodeEndpoints: hints.endpoints() };
}

/** Partitions of one topic that follow each other stand together. */
function byTopic(parts: readonly PartRead[]): Answer['responses'] {
  const topics: { topic: string; topicId: string; partitions: PartitionAnswer[] }[] = [];
  for (const { part, read } of parts) {
    const { topic, topicId } = part;
    const last = topics.at(-1);
    if (last?.topic === topic && last.topicId === topicId) last.partitions.push(read.answer);
    else topics.push({ topic, topicId, partitions: [read.answer] });
  }
  return topics;
}

/** Resolves when something happens to one of the partitions, when the time is over, or when nobody waits any more. */
function change({ cluster, closed }: Call<typeof Fetch>, partitions: readonly Partition[], waitMs: number): Promise<void> {
  return new Promise(resolve => {
    const wake = (): void => {
      timer.cancel();
      closed.removeEventListener('abort', wake);
      for (const partition of partitions) partition.unwatch(wake);
      resolve();
    };
    const timer = cluster.clock.after(waitMs, wake);
    closed.addEventListener('abort', wake);
    for (const partition of partitions) partition.watch(wake);
  });
}
