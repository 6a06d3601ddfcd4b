import type { Socket } from 'node:net';
import { onAbort } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { traceRequest, tracesRequests } from '../base/diagnostics.js';
import { ConnectionError, type KafkaError, ProtocolError, StateError, TimeoutError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Api } from '../protocol/index.js';
import { logAnswer, logRequest } from './wire-log.js';

/** Reads a response's bytes, which begin with the correlation id. */
export type Decode = (api: Api, version: number, response: Buffer) => object;

/** What is asked, and how. */
export interface Question {
  readonly api: Api;
  readonly version: number;
  readonly correlationId: number;
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** False where no answer will come. */
  readonly answered: boolean;
  /** Part of making the connection usable: goes before what waits for that. */
  readonly handshake: boolean;
  readonly decode: Decode;
}

/** Where exchanges take place: what those of one connection share. */
export interface Site {
  readonly broker: string;
  readonly clock: Clock;
  /** Told of every request and answer; without it nobody is. */
  readonly log: Log | undefined;
  /** Its time is over, `limitMs`. It has not settled: that is for whoever is told to do. */
  expired(exchange: Exchange, limitMs: number): void;
  /** Nobody waits for it any more; it is about to reject. */
  abandoned(exchange: Exchange): void;
  /** The kernel has the bytes of one that is not answered. */
  taken(exchange: Exchange): void;
}

/** Whoever waits for an answer. */
export interface Waiting {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  resolve(body: unknown): void;
  reject(reason: unknown): void;
}

/** `queued`: no byte handed to the socket; `sent`: perhaps applied; `abandoned`: sent, and nobody waits any more. */
type State = 'queued' | 'sent' | 'abandoned';

/** One request on its way. It settles once: with its answer, an error, or the reason of whoever waited and gave up. */
export class Exchange {
  readonly question: Question;
  readonly startedAt: number;
  readonly #site: Site;
  readonly #waiting: Waiting;
  readonly #timer: Timer;
  readonly #forget: () => void;
  #state: State = 'queued';

  constructor(site: Site, question: Question, waiting: Waiting) {
    const { timeoutMs, signal } = waiting;
    this.question = question;
    this.startedAt = site.clock.now();
    this.#site = site;
    this.#waiting = waiting;
    this.#timer = site.clock.after(timeoutMs, () => site.expired(this, timeoutMs));
    this.#forget = onAbort(signal, () => {
      site.abandoned(this);
      this.#reject(signal?.reason);
    });
  }

  get state(): State {
    return this.#state;
  }

  /** Hands it to the socket. */
  send(socket: Socket): void {
    const { chunks, answered } = this.question;
    const { log, broker } = this.#site;
    this.#state = 'sent';
    if (log !== undefined) logRequest(log, broker, this.question);
    let left = chunks.length;
    for (const chunk of chunks) {
      left -= 1;
      if (answered || left > 0) socket.write(chunk);
      else socket.write(chunk, error => (error ? undefined : this.#site.taken(this)));
    }
  }

  /** The answer came, in so many bytes; or the request was taken, and none will. */
  resolve(body: unknown): void {
    this.#release();
    this.#waiting.resolve(body);
  }

  /** It never left: its time was over before, for a reason. */
  neverSent(limitMs: number, why: string): void {
    this.#reject(this.#late(limitMs, `not sent within ${Math.round(limitMs)} ms: ${why}`, 'no'));
  }

  /** It was sent, and its time is over. Gives the error it is rejected with. */
  unanswered(limitMs: number): TimeoutError {
    const error = this.#late(limitMs, `no answer within ${Math.round(limitMs)} ms`, 'maybe');
    this.abandon();
    this.trace(0, 0, error);
    this.#reject(error);
    return error;
  }

  /** The connection is gone. Nothing happens where nobody waits any more. */
  lost(reason: Error): void {
    if (this.#state === 'abandoned') return;
    const error = lostWith(this.question.api, this.#site.broker, reason, this.#state === 'queued' ? 'no' : 'maybe');
    if (this.#state === 'sent') this.trace(0, 0, error);
    this.#reject(error);
  }

  /** Nobody waits any more; what was sent stays in line for its answer. */
  abandon(): void {
    if (this.#state === 'sent') this.#state = 'abandoned';
  }

  /** Tells the log, and whoever listens to requests, how it ended. */
  trace(receivedBytes: number, throttleMs: number, error: Error | undefined): void {
    const { broker, clock, log } = this.#site;
    if (log === undefined && !tracesRequests()) return;
    const { api, version, correlationId, sizeBytes } = this.question;
    const durationMs = clock.now() - this.startedAt;
    if (log !== undefined) logAnswer(log, broker, this.question, { bytes: receivedBytes, durationMs, throttleMs, error });
    if (!tracesRequests()) return;
    traceRequest({ api: api.name, version, broker, correlationId, sentBytes: sizeBytes, receivedBytes, durationMs, throttleMs, error });
  }

  #late(limitMs: number, what: string, persistence: 'no' | 'maybe'): TimeoutError {
    const { api } = this.question;
    const { broker } = this.#site;
    const context = { api: api.name, broker, timeoutMs: Math.round(limitMs) }; // it may be what connecting has left of a limit
    return new TimeoutError(`${api.name} to broker ${broker}: ${what}`, { retriable: true, persistence, context });
  }

  #reject(reason: unknown): void {
    this.#release();
    this.#waiting.reject(reason);
  }

  #release(): void {
    this.#timer.cancel();
    this.#forget();
  }
}

/** The error of one request that the end of the connection took with it, or came before. */
export function lostWith(api: Api, broker: string, reason: Error, persistence: 'no' | 'maybe'): KafkaError {
  const what = `${api.name} to broker ${broker}`;
  const context = { api: api.name, broker };
  if (reason instanceof StateError) return new StateError('TIDE_CLOSED', `${what}: ${reason.message}`, { persistence, context });
  if (reason instanceof ProtocolError) {
    return new ProtocolError(`${what}: ${reason.message}`, {
      cause: reason,
      errno: reason.errno,
      retriable: reason.retriable,
      persistence,
      context: { ...(reason.context['api'] === api.name ? reason.context : {}), ...context }, // version and position, where it is about this one
    });
  }
  return new ConnectionError(`${what}: ${reason.message}`, { cause: reason, persistence, errno: -1018, context });
}
