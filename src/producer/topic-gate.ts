import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { sleep } from '../base/clock.js';
import { asKafkaError, type KafkaError, TimeoutError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import { backoffMs, type RetryPolicy } from '../base/retry.js';
import { missingTopic } from '../client/missing-topic.js';
import type { Cluster } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { Expiries } from './expiries.js';

/** Records of one call and topic that cannot be given a partition before the topic is known. */
export interface Waiting {
  readonly topic: string;
  readonly count: number;
  /** How long it waits at most. */
  readonly timeoutMs: number;
  readonly expiresAt: number;
  /** The call they belong to. */
  readonly settled: Promise<unknown>;
  /** The topic is known now. */
  enter(topic: TopicInfo): void;
  refuse(error: KafkaError): void;
}

/** How often at most a topic that is in use is checked for being older than `metadataMaxAgeMs`. */
const checkEveryMs = 1000;

interface TopicState {
  readonly waiting: Set<Waiting>;
  /** Asked for by this producer before, and found. */
  known: boolean;
  checkedAt: number;
  finding: boolean;
  /** Why it was not found the last time. */
  failure: KafkaError | undefined;
}

/** Lets calls through to a topic once it is known, in the order they came. */
export class TopicGate {
  readonly #cluster: Cluster;
  readonly #retry: RetryPolicy;
  readonly #topics = new Map<string, TopicState>();
  readonly #all: Expiries<Waiting>;
  readonly #stop = new AbortController();

  /** @param retry Its `attempts` say how often a topic that is said not to exist is asked for. */
  constructor(cluster: Cluster, retry: RetryPolicy, deliveryTimeoutMs: number) {
    this.#cluster = cluster;
    this.#retry = retry;
    this.#all = new Expiries(cluster.clock, waiting => {
      const state = this.#topics.get(waiting.topic);
      state?.waiting.delete(waiting);
      waiting.refuse(notFound(waiting, deliveryTimeoutMs, state?.failure));
    });
  }

  /** The topic, if a record for it can be given a partition now: undefined while it is not known, or others wait for that. */
  pass(name: string, now: number): TopicInfo | undefined {
    const state = this.#topics.get(name);
    if (state === undefined || !state.known || state.waiting.size > 0) return undefined;
    const topic = this.#cluster.topic(name);
    if (topic === undefined || topic.errorCode !== 0 || topic.partitions.length === 0) return undefined;
    if (now - state.checkedAt > checkEveryMs) {
      state.checkedAt = now;
      this.#cluster.topics([name]).catch(() => {}); // what is known serves meanwhile
    }
    return topic;
  }

  /** Lets `waiting` through, or refuses it, as soon as the topic is known. */
  wait(waiting: Waiting): void {
    let state = this.#topics.get(waiting.topic);
    if (state === undefined) {
      state = { waiting: new Set(), known: false, checkedAt: 0, finding: false, failure: undefined };
      this.#topics.set(waiting.topic, state);
    }
    state.waiting.add(waiting);
    this.#all.add(waiting);
    if (!state.finding) void this.#find(waiting.topic, state);
  }

  /** As {@link wait}, but what is known of the topic does not count: it lacks something. */
  waitAnew(seen: TopicInfo, waiting: Waiting): void {
    this.#cluster.outdated(seen);
    this.wait(waiting);
  }

  /** All that wait. */
  waiting(): readonly Waiting[] {
    return [...this.#all];
  }

  /** Refuses all that wait. */
  refuseAll(error: KafkaError): void {
    const all = this.waiting();
    for (const { waiting } of this.#topics.values()) waiting.clear();
    this.#all.close();
    for (const waiting of all) waiting.refuse(error);
  }

  /** Refuses all that wait, and looks for nothing more. */
  close(error: KafkaError): void {
    this.#stop.abort(error);
    this.refuseAll(error);
  }

  /** Looks for the topic until nobody waits for it any more. */
  async #find(name: string, state: TopicState): Promise<void> {
    state.finding = true;
    for (let failed = 1, denied = 0; state.waiting.size > 0; failed++) {
      let error: KafkaError;
      try {
        const topic = (await this.#cluster.topics([name])).topics.get(name);
        if (topic !== undefined && topic.errorCode === 0 && topic.partitions.length > 0) {
          state.known = true;
          state.failure = undefined;
          for (const waiting of this.#leave(state)) enter(waiting, topic);
          return;
        }
        if (topic !== undefined) this.#cluster.outdated(topic);
        error = withPersistence(unusable(name, topic, this.#cluster, denied + 1 >= this.#retry.attempts), 'no');
      } catch (thrown) {
        error = withPersistence(asKafkaError(thrown, 'no'), 'no'); // whatever became of the question, it held no record
      }
      state.failure = error;
      if (error.errno === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION) denied += 1;
      if (!error.retriable || denied >= this.#retry.attempts) {
        for (const waiting of this.#leave(state)) waiting.refuse(error);
        return;
      }
      await sleep(this.#cluster.clock, backoffMs(this.#retry, failed), this.#stop.signal).catch(() => {});
    }
    state.finding = false;
  }

  /** Takes out all that wait. Who is let go may come again at once, with another call: somebody must look for that one. */
  #leave(state: TopicState): readonly Waiting[] {
    const leaving = [...state.waiting];
    state.waiting.clear();
    state.finding = false;
    for (const waiting of leaving) this.#all.delete(waiting);
    return leaving;
  }
}

/** Lets one in. What is thrown there is a bug, and must not keep those behind it waiting for ever. */
function enter(waiting: Waiting, topic: TopicInfo): void {
  try {
    waiting.enter(topic);
  } catch (thrown) {
    waiting.refuse(asKafkaError(thrown, 'no'));
  }
}

/** Nobody has said where the topic is, in all that time. */
function notFound({ topic, timeoutMs }: Waiting, deliveryTimeoutMs: number, failure: KafkaError | undefined): KafkaError {
  const why = failure === undefined ? 'no attempt has come to an end' : `last: ${failure.message}`;
  const option = timeoutMs < deliveryTimeoutMs ? 'timeoutMs' : 'deliveryTimeoutMs';
  const message = `produce ${topic}: the topic could not be found within ${timeoutMs} ms (${option}); ${why}`;
  return new TimeoutError(message, { persistence: 'no', cause: failure, context: { topic, timeoutMs } });
}

/** Why no record can be given a partition of this topic. That there is none is, in the end, nothing that passes. */
function unusable(name: string, topic: TopicInfo | undefined, { settings }: Cluster, isLast: boolean): KafkaError {
  const code = topic === undefined ? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION : topic.errorCode || errorNumbers.LEADER_NOT_AVAILABLE;
  const isMissing = code === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
  return brokerError(code, `produce ${name}`, {
    message: isMissing ? missingTopic(settings) : undefined,
    retriable: isMissing && isLast ? false : undefined,
    context: { topic: name },
  });
}
