import { errorNumbers } from '../base/broker-errors.js';
import { fetchBodyOf } from '../client/fetch-request.js';
import type { Fetch, RequestOf, ResponseOf } from '../protocol/index.js';
import { type Asked, type FetchLimits, type PartitionAnswer, placeOf } from './fetch-request.js';
import type { Partition } from './partition.js';

/** Epochs of a session that mean something else: a whole fetch that begins one, and one that begins none or ends it. */
const whole = 0;
const none = -1;
const maxEpoch = 2 ** 31 - 1;
/** From here on topics go by their ids. */
const idsFrom = 13;

/** What the broker knows of one partition. */
interface Sent {
  /** As it was asked for last. */
  asked: Asked;
  readonly key: string;
  /** The request that named it last. */
  request: number;
}

/** What an answer says. */
export interface SessionAnswer {
  readonly told: ReadonlyMap<Asked, PartitionAnswer>;
  /** Whether there is nothing new of all others that were asked for; else they were left out. */
  readonly othersAreSame: boolean;
}

/**
 * What one broker remembers of what it is asked for (KIP-227): after a first whole fetch it is told only what has changed, and tells only what
 * is new. It decides whether it remembers anything, and may forget it at any time. Fetches of a session go one after the other.
 */
export class FetchSession {
  readonly #isKept: boolean;
  /** 0: none. */
  #id = 0;
  #epoch = whole;
  #byId = false;
  #isWhole = true;
  #requests = 0;
  #sent = new Map<Partition, Sent>();
  #byKey = new Map<string, Sent>();

  /** @param isKept False for a single fetch, of which nothing is to be remembered. */
  constructor(isKept: boolean) {
    this.#isKept = isKept;
  }

  /** The number the broker gave it; 0 where it keeps none. */
  get id(): number {
    return this.#id;
  }

  /** The body of the next fetch, in this version. The order of `asked` counts where they are new to the broker: it puts them behind the others. */
  body(asked: readonly Asked[], limits: FetchLimits, version: number): RequestOf<typeof Fetch> {
    const byId = version >= idsFrom;
    this.#isWhole = !this.#isKept || this.#epoch === whole || byId !== this.#byId;
    this.#byId = byId;
    this.#requests += 1;
    if (this.#isWhole) {
      this.#sent.clear();
      this.#byKey.clear();
    }
    const forgotten: Asked[] = [];
    const news: Asked[] = [];
    for (const entry of asked) if (this.#note(entry, forgotten)) news.push(entry);
    if (this.#sent.size > asked.length) this.#forget(forgotten);
    const parts = news.map(entry => ({ ...placeOf(entry), maxBytes: limits.maxPartitionBytes }));
    return {
      ...fetchBodyOf(parts, limits, version),
      sessionId: this.#id,
      sessionEpoch: this.#isWhole ? (this.#isKept ? whole : none) : this.#epoch,
      forgottenTopicsData: forgotten.map(({ topic, partition }) => ({
        topic: topic.name,
        topicId: topic.id,
        partitions: [partition.partition],
      })),
    };
  }

  /** The body of the request that ends it. */
  end(): RequestOf<typeof Fetch> {
    return { maxWaitMs: 0, minBytes: 0, topics: [], sessionId: this.#id, sessionEpoch: none };
  }

  /** Takes the answer to the last fetch; undefined for one that the broker refused as such. */
  take(answer: ResponseOf<typeof Fetch>): SessionAnswer | undefined {
    if (answer.errorCode !== 0) {
      if (answer.errorCode === errorNumbers.FETCH_SESSION_ID_NOT_FOUND) this.#id = 0;
      this.lost();
      return undefined;
    }
    const told = new Map<Asked, PartitionAnswer>();
    for (const { topic, topicId, partitions } of answer.responses) {
      for (const share of partitions) {
        const sent = this.#byKey.get(`${this.#byId ? topicId : topic}/${share.partitionIndex}`);
        if (sent !== undefined) told.set(sent.asked, share);
      }
    }
    this.#id = this.#isKept ? answer.sessionId : 0;
    this.#epoch = this.#id === 0 ? whole : this.#isWhole || this.#epoch === maxEpoch ? 1 : this.#epoch + 1;
    return { told, othersAreSame: !this.#isWhole };
  }

  /** Nobody knows what the broker remembers: the next fetch is a whole one, and takes the place of what there may be. */
  lost(): void {
    this.#epoch = whole;
  }

  /** Whether the session is at odds with the broker's: then it may be fetched again at once, from the beginning. */
  isOutOfStep(errorCode: number): boolean {
    return !this.#isWhole && outOfStep.has(errorCode);
  }

  /**
   * Notes what is asked for now; whether the broker has to be told. For the broker a partition is what bears its name: one that is read anew is
   * the same, one of a topic that was made again is another where topics go by their ids, and the one before is forgotten.
   */
  #note(asked: Asked, forgotten: Asked[]): boolean {
    const { partition, topic, info } = asked;
    const key = `${this.#byId ? topic.id : topic.name}/${partition.partition}`;
    const own = this.#sent.get(partition);
    if (own !== undefined && own.key !== key) {
      forgotten.push(own.asked);
      this.#drop(own);
    }
    const known = this.#byKey.get(key);
    if (known === undefined) {
      const sent = { asked, key, request: this.#requests };
      this.#sent.set(partition, sent);
      this.#byKey.set(key, sent);
      return true;
    }
    const before = known.asked;
    if (before.partition !== partition) {
      this.#sent.delete(before.partition);
      this.#sent.set(partition, known);
    }
    known.asked = asked;
    known.request = this.#requests;
    return before.offset !== asked.offset || before.fetchedEpoch !== asked.fetchedEpoch || before.info.leaderEpoch !== info.leaderEpoch;
  }

  #drop({ asked, key }: Sent): void {
    this.#sent.delete(asked.partition);
    this.#byKey.delete(key);
  }

  /** What was not named by this request is not wanted any more. */
  #forget(forgotten: Asked[]): void {
    for (const sent of this.#sent.values()) {
      if (sent.request === this.#requests) continue;
      forgotten.push(sent.asked);
      this.#drop(sent);
    }
  }
}

const outOfStep: ReadonlySet<number> = new Set([
  errorNumbers.FETCH_SESSION_ID_NOT_FOUND,
  errorNumbers.INVALID_FETCH_SESSION_EPOCH,
  errorNumbers.FETCH_SESSION_TOPIC_ID_ERROR,
]);
