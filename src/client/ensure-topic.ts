import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { type KafkaError, TimeoutError } from '../base/errors.js';
import { limited, orAborted } from '../base/wait.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { ClientCore } from './client.js';
import { missingTopic } from './missing-topic.js';

/** How often it may be looked for: the time decides. */
const attempts = 1_000_000;

/**
 * The topic as described, asked for until it is there: by that it is created, where client and broker allow it.
 * @throws KafkaError what speaks against it, or `TIDE_TIMEOUT` with the last answer as cause.
 */
export async function ensuredTopic(
  { cluster }: ClientCore,
  topic: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<TopicInfo> {
  let last: unknown;
  const late = () => {
    const why = last instanceof Error ? `; last: ${last.message}` : '; no broker has answered';
    return new TimeoutError(`ensureTopicExists: topic ${topic} is not there within ${timeoutMs} ms (timeoutMs)${why}`, {
      retriable: true,
      cause: last,
      context: { topic, timeoutMs },
    });
  };
  return limited(cluster.clock, { ms: timeoutMs, signal, late }, stop => {
    const look = async (): Promise<TopicInfo> => {
      try {
        const { topics } = await orAborted(cluster.topics([topic], stop), stop);
        const found = topics.get(topic);
        if (found?.errorCode === 0 && found.partitions.length > 0) return found;
        if (found !== undefined) cluster.outdated(found);
        throw absent(topic, found, cluster.settings);
      } catch (error) {
        last = error;
        throw error;
      }
    };
    return cluster.retrying(look, { signal: stop, policy: { ...cluster.settings.retry, attempts } });
  });
}

function absent(topic: string, found: TopicInfo | undefined, settings: Parameters<typeof missingTopic>[0]): KafkaError {
  const code = found === undefined || found.errorCode === 0 ? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION : found.errorCode;
  const missing = code === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
  return brokerError(code, `topic ${topic}`, {
    message: missing ? missingTopic(settings) : undefined,
    retriable: missing && !settings.allowAutoTopicCreation ? false : undefined, // nobody creates it by our asking
    context: { topic },
  });
}
