import { brokerError } from '../base/broker-errors.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Purpose } from '../cluster/links.js';
import { Fetch, type ResponseOf } from '../protocol/index.js';
import { type Asked, type FetchLimits, fetchVersionFor, firstWithRecords, isCurrent } from './fetch-request.js';
import { FetchSession, type SessionAnswer } from './fetch-session.js';
import type { Intake } from './intake.js';
import { checkLogs, isUnchecked } from './log-check.js';

/** How a fetch is made: how long the broker may wait, how much it may bring, on which connection. */
export interface Poll {
  readonly pollMs: number;
  readonly bytes: number;
  readonly purpose: Purpose;
}

/** Told that a broker has answered, after so long. */
export type Fetched = (brokerId: number, durationMs: number, asked: readonly Asked[]) => void;

/** Takes fetches to brokers, and their answers to the partitions. */
export class BrokerFetch {
  readonly #cluster: Cluster;
  readonly #settings: FetchLimits;
  readonly #intake: Intake;
  readonly #fetched: Fetched;
  readonly #signal: AbortSignal;

  /** @param signal Ends what is under way. */
  constructor(cluster: Cluster, settings: FetchLimits, intake: Intake, fetched: Fetched, signal: AbortSignal) {
    this.#fetched = fetched;
    this.#cluster = cluster;
    this.#settings = settings;
    this.#intake = intake;
    this.#signal = signal;
  }

  /** One fetch, and what comes of it for each partition. Never rejects. */
  async fetch(
    brokerId: number,
    given: readonly Asked[],
    { pollMs, bytes, purpose }: Poll,
    session = new FetchSession(false),
  ): Promise<void> {
    let asked = given;
    try {
      if (asked.some(isUnchecked)) asked = await this.#checked(brokerId, asked, purpose);
      if (asked.length === 0) return;
      const startedAt = this.#cluster.clock.now();
      const limits = { ...this.#settings, maxWaitMs: pollMs, maxBytes: bytes };
      const options = {
        purpose,
        signal: this.#signal,
        timeoutMs: pollMs + this.#cluster.settings.requestTimeoutMs,
        maxVersion: fetchVersionFor(asked),
      };
      const send = () => this.#cluster.toBroker(brokerId, Fetch, version => session.body(asked, limits, version), options);
      let answer = await send();
      const refusal = () => brokerError(answer.errorCode, `fetch from broker ${brokerId}`);
      let said = session.take(answer);
      if (said === undefined && session.isOutOfStep(answer.errorCode)) {
        this.#cluster.passing(refusal(), 0);
        answer = await send();
        said = session.take(answer);
      }
      if (said === undefined) throw refusal();
      this.#take(brokerId, asked, answer, said);
      this.#fetched(brokerId, this.#cluster.clock.now() - startedAt, asked);
    } catch (error) {
      session.lost();
      if (!this.#signal.aborted) this.#intake.unanswered(asked, error);
    }
  }

  #take(brokerId: number, asked: readonly Asked[], answer: ResponseOf<typeof Fetch>, { told, othersAreSame }: SessionAnswer): void {
    const first = firstWithRecords(answer);
    for (const entry of asked) {
      const { partition } = entry;
      const share = told.get(entry);
      if (share !== undefined) this.#intake.told(partition, share);
      if (!isCurrent(entry)) continue;
      if (share !== undefined) this.#intake.take(entry, share, { brokerId, endpoints: answer.nodeEndpoints, first: share === first });
      else if (othersAreSame) this.#intake.nothing(partition);
      else this.#intake.quiet(partition, undefined); // the broker was asked and has said nothing
    }
  }

  /** Those of `asked` whose leaders are known to have the log that was read, or will say where it parts when they are asked for records. */
  async #checked(brokerId: number, asked: readonly Asked[], purpose: Purpose): Promise<readonly Asked[]> {
    const options = { purpose, signal: this.#signal, rackId: this.#settings.rackId };
    const results = await checkLogs(this.#cluster, brokerId, asked.filter(isUnchecked), options);
    for (const { asked: entry, errorCode, end } of results) {
      if (!isCurrent(entry)) continue;
      if (errorCode === 0) this.#intake.checked(entry, end);
      else this.#intake.refused(entry, errorCode, brokerId);
    }
    return asked.filter(entry => isCurrent(entry) && !isUnchecked(entry));
  }
}
