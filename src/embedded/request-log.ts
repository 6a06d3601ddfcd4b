import { deferred } from '../base/wait.js';
import type { Api, RequestIn } from '../protocol/index.js';
import { type Matching, matches, type Target, type TopicNames } from './match.js';

/** One request as a broker received it. */
export interface SeenRequest<A extends Api = Api> {
  /** Its place among all requests of the cluster, from 0. */
  readonly index: number;
  readonly api: A;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** The id of the broker that received it. */
  readonly broker: number;
  /** Which of the cluster's connections it came by, counted from 1 in the order they were opened. */
  readonly connection: number;
  /** Byte fields are views of the request as it came in. */
  readonly body: RequestIn<A>;
  /** What it is about beside what it names: the partitions of its fetch session. */
  readonly about: readonly Target[];
  /** Of the whole request, without its length. */
  readonly sizeBytes: number;
}

/** The most bytes of requests that are kept. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Whether a request is the one that was waited for; it is handed over then. */
type Waiter = (request: SeenRequest) => boolean;

/** The last requests of a cluster, and who waits for the next. */
export class RequestLog {
  readonly #maxCount: number;
  readonly #nameOf: TopicNames;
  #kept: SeenRequest[] = [];
  #keptBytes = 0;
  #seen = 0;
  #waiters: Waiter[] = [];

  constructor(maxCount: number, nameOf: TopicNames) {
    this.#maxCount = maxCount;
    this.#nameOf = nameOf;
  }

  add(request: Omit<SeenRequest, 'index'>): SeenRequest {
    const seen = { index: this.#seen++, ...request };
    if (this.#maxCount > 0) this.#keep(seen);
    if (this.#waiters.length > 0) this.#wake(seen);
    return seen;
  }

  all(): readonly SeenRequest[] {
    return [...this.#kept];
  }

  of<A extends Api>(api: A): readonly SeenRequest<A>[] {
    return this.#kept.filter(isOf(api));
  }

  /** The next request of `api` that comes in and that `match` accepts. */
  next<A extends Api>(api: A, match: Matching<A>): Promise<SeenRequest<A>> {
    const { promise, resolve } = deferred<SeenRequest<A>>();
    const is = isOf(api);
    this.#waiters.push(request => {
      const met = is(request) && matches(match, request, this.#nameOf);
      if (met) resolve(request);
      return met;
    });
    return promise;
  }

  clear(): void {
    this.#kept = [];
    this.#keptBytes = 0;
    this.#seen = 0;
  }

  #keep(request: SeenRequest): void {
    this.#kept.push(request);
    this.#keptBytes += request.sizeBytes;
    if (this.#kept.length <= this.#maxCount * 1.5 && this.#keptBytes <= MAX_KEPT_BYTES) return;
    // Cut off in one go, so that a long list is not moved for every request.
    while (this.#kept.length > 1 && (this.#kept.length > this.#maxCount || this.#keptBytes > MAX_KEPT_BYTES / 2)) {
      this.#keptBytes -= this.#kept.shift()?.sizeBytes ?? 0;
    }
  }

  #wake(request: SeenRequest): void {
    this.#waiters = this.#waiters.filter(waiter => !waiter(request));
  }
}

/** Tells the requests of one API from others. */
export const isOf =
  <A extends Api>(api: A) =>
  (request: SeenRequest): request is SeenRequest<A> =>
    request.api.key === api.key;
