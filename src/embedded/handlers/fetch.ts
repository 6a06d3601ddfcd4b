import { errorNumbers } from '../../base/broker-errors.js';
import { Fetch, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import type { Partition } from '../topic.js';
import { readPartition } from './fetch-partition.js';
import { findTopic, LeaderHints } from './leadership.js';

type Answer = ResponseInput<typeof Fetch>;

const LEADERS_FROM = 12;
const IDS_FROM = 13;
const ENDPOINTS_FROM = 16;
/** Errors of a session, which stand in front of all partitions; no sessions are kept, which every client must bear. */
const SESSION_ERRORS: readonly number[] = [errorNumbers.FETCH_SESSION_ID_NOT_FOUND, errorNumbers.INVALID_FETCH_SESSION_EPOCH];

/** Record batches, as soon as there are `minBytes` of them or `maxWaitMs` are over. */
export const fetch = handler({
  api: Fetch,
  versions: [4, Fetch.versions[1]],
  async answer(call) {
    const { body, cluster, closed } = call;
    const { maxWaitMs, minBytes, sessionId } = body;
    if (sessionId !== 0) return { errorCode: errorNumbers.FETCH_SESSION_ID_NOT_FOUND, responses: [] };
    const refused = call.refusal({});
    if (SESSION_ERRORS.includes(refused)) return { errorCode: refused, responses: [] };
    const until = cluster.clock.now() + maxWaitMs;
    for (;;) {
      const share = gather(call);
      const waitMs = until - cluster.clock.now();
      if (share.complete || share.sizeBytes >= minBytes || waitMs <= 0 || closed.aborted) return share.answer;
      await change(call, share.partitions, waitMs);
    }
  },
});

interface Share {
  readonly answer: Answer;
  readonly sizeBytes: number;
  /** Nothing to wait for: an error, a log that was cut, another broker to ask, or no partitions. */
  readonly complete: boolean;
  /** What to wait for. */
  readonly partitions: readonly Partition[];
}

/** What there is for a fetch now. */
function gather(call: Call<typeof Fetch>): Share {
  const { body, cluster, version } = call;
  const hints = new LeaderHints(cluster, version >= LEADERS_FROM, version >= ENDPOINTS_FROM);
  const partitions: Partition[] = [];
  let sizeBytes = 0;
  let isUrgent = false;
  const responses = body.topics.map(({ topic: name, topicId, partitions: wantedPartitions }) => {
    const topic = findTopic(cluster, name, topicId, version >= IDS_FROM);
    const answers = wantedPartitions.map(wanted => {
      const read = readPartition(call, topic, wanted, hints, body.maxBytes - sizeBytes, sizeBytes === 0);
      sizeBytes += read.sizeBytes;
      const { errorCode, divergingEpoch, preferredReadReplica = -1 } = read.answer;
      isUrgent ||= errorCode !== 0 || divergingEpoch !== undefined || preferredReadReplica >= 0;
      if (read.partition !== undefined) partitions.push(read.partition);
      return read.answer;
    });
    return { topic: name, topicId, partitions: answers };
  });
  return {
    answer: { sessionId: 0, responses, nodeEndpoints: hints.endpoints() },
    sizeBytes,
    complete: isUrgent || partitions.length === 0,
    partitions,
  };
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
