import { errorNumbers } from '../base/broker-errors.js';
import type { Clock } from '../base/clock.js';
import type { Fetch, RequestIn } from '../protocol/index.js';

type Body = RequestIn<typeof Fetch>;

/** One partition that a fetch is about, as it was asked for last. */
export interface FetchPart {
  readonly topic: string;
  readonly topicId: string;
  readonly wanted: Body['topics'][number]['partitions'][number];
}

/** A part of a session, and what its client was told of it. */
export interface SessionPart extends FetchPart {
  /** -1: it has to be told again. */
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

/** What a client does not say again (KIP-227). */
export interface FetchSession {
  readonly id: number;
  readonly byId: boolean;
  /** In the order in which an answer is filled. */
  readonly parts: Map<string, SessionPart>;
  /** The epoch of the next request. */
  epoch: number;
  usedAt: number;
}

/** What a fetch is about: with a session, of which it has named only what is new; as a whole, which may begin a session; or refused. */
export type Opened =
  | { readonly kind: 'refused'; readonly errorCode: number }
  | { readonly kind: 'whole'; readonly parts: readonly FetchPart[]; readonly begins: boolean }
  | { readonly kind: 'session'; readonly session: FetchSession; readonly parts: readonly SessionPart[] };

const FINAL_EPOCH = -1;
const FIRST_EPOCH = 0;
const LAST_EPOCH = 2 ** 31 - 1;
const IDS_FROM = 13;
/** A session that was not used for so long makes room for another. Kafka: min.incremental.fetch.session.eviction.ms. */
const EVICTED_AFTER_MS = 120_000;

/** The fetch sessions that one broker keeps. */
export class FetchSessions {
  readonly #clock: Clock;
  readonly #maxCount: number;
  readonly #sessions = new Map<number, FetchSession>();
  #made = 0;

  constructor(clock: Clock, maxCount: number) {
    this.#clock = clock;
    this.#maxCount = maxCount;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** What else than it names a request is about. Changes nothing. */
  partsOf({ sessionId, sessionEpoch }: Body): Iterable<FetchPart> {
    return sessionEpoch > FIRST_EPOCH ? (this.#sessions.get(sessionId)?.parts.values() ?? []) : [];
  }

  /** Takes a request in. */
  open(body: Body, version: number): Opened {
    const { sessionId, sessionEpoch } = body;
    const byId = version >= IDS_FROM;
    if (sessionEpoch === FIRST_EPOCH || sessionEpoch === FINAL_EPOCH) {
      this.#sessions.delete(sessionId);
      return { kind: 'whole', parts: partsIn(body), begins: sessionEpoch === FIRST_EPOCH };
    }
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return { kind: 'refused', errorCode: errorNumbers.FETCH_SESSION_ID_NOT_FOUND };
    if (session.epoch !== sessionEpoch) return { kind: 'refused', errorCode: errorNumbers.INVALID_FETCH_SESSION_EPOCH };
    if (session.byId !== byId) return { kind: 'refused', errorCode: errorNumbers.FETCH_SESSION_TOPIC_ID_ERROR };
    update(session, body);
    session.usedAt = this.#clock.now();
    session.epoch = sessionEpoch === LAST_EPOCH ? 1 : sessionEpoch + 1;
    if (session.parts.size > 0) return { kind: 'session', session, parts: [...session.parts.values()] };
    this.#sessions.delete(sessionId);
    return { kind: 'whole', parts: [], begins: false };
  }

  /** Keeps what a whole fetch was about; gives the id of the session, 0 when there is no room for it. */
  begin(parts: readonly SessionPart[], version: number): number {
    if (parts.length === 0 || !this.#makeRoom()) return 0;
    const byId = version >= IDS_FROM;
    const id = ++this.#made;
    const kept = new Map(parts.map(part => [keyOf(part, part.wanted.partition, byId), part]));
    this.#sessions.set(id, { id, byId, parts: kept, epoch: 1, usedAt: this.#clock.now() });
    return id;
  }

  #makeRoom(): boolean {
    if (this.#sessions.size < this.#maxCount) return true;
    const old = [...this.#sessions.values()].find(({ usedAt }) => this.#clock.now() - usedAt > EVICTED_AFTER_MS);
    if (old !== undefined) this.#sessions.delete(old.id);
    return old !== undefined;
  }
}

/** What is told of a part is noted; one that brought records is asked for last from now on, so that it does not starve others. */
export function tell({ parts, byId }: FetchSession, part: SessionPart, hadRecords: boolean): void {
  const key = keyOf(part, part.wanted.partition, byId);
  if (hadRecords) parts.delete(key);
  parts.set(key, part);
}

function update({ parts, byId }: FetchSession, body: Body): void {
  for (const part of partsIn(body)) {
    const key = keyOf(part, part.wanted.partition, byId);
    const { highWatermark = -1, logStartOffset = -1 } = parts.get(key) ?? {};
    parts.set(key, { ...part, highWatermark, logStartOffset });
  }
  for (const { topic, topicId, partitions } of body.forgottenTopicsData) {
    for (const partition of partitions) parts.delete(keyOf({ topic, topicId }, partition, byId));
  }
}

const keyOf = ({ topic, topicId }: Pick<FetchPart, 'topic' | 'topicId'>, partition: number, byId: boolean): string =>
  `${byId ? topicId : topic}/${partition}`;

const partsIn = ({ topics }: Body): FetchPart[] =>
  topics.flatMap(({ topic, topicId, partitions }) => partitions.map(wanted => ({ topic, topicId, wanted })));
