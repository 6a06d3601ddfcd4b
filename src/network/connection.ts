import type { Socket } from 'node:net';
import { onAbort } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { traceConnection, traceRequest, tracesRequests } from '../base/diagnostics.js';
import { asError, ConnectionError, type KafkaError, ProtocolError, StateError, TimeoutError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Bell } from '../base/wait.js';
import { type Api, decodeResponseBody, encodeRequestFrame, type RequestOf, type ResponseOf, readCorrelationId } from '../protocol/index.js';
import { type Address, formatAddress } from './address.js';
import { dial } from './dial.js';
import { FrameAssembler } from './frame-assembler.js';
import type { Security } from './security.js';
import type { TlsDial } from './tls.js';
import { chooseVersion, type VersionRange } from './versions.js';
import { logAnswer, logFrame, logRequest } from './wire-log.js';

export interface ConnectionSettings {
  readonly clientId: string;
  /** Longest time in ms for name look-up, connect and handshake together. */
  readonly connectTimeoutMs: number;
  /** A connection unused for so many ms is closed. */
  readonly idleTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly ipVersion: 4 | 6 | undefined;
  /** TLS and SASL; without it connections are plain. */
  readonly security?: Security | undefined;
  /** Told of every request and answer; without it nobody is. */
  readonly log?: Log | undefined;
  readonly clock: Clock;
}

export interface RequestOptions {
  /** Longest time in ms until the answer, waiting for the socket included. */
  readonly timeoutMs: number;
  /** Rejects the caller with its reason. A request that was sent may be applied all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Never use a version above this one. */
  readonly maxVersion?: number | undefined;
  /** False for a request that has no answer (Produce with acks 0): resolves with undefined when the kernel has the bytes. */
  readonly answered?: boolean | undefined;
}

/** What to ask: a body, or a function of the version chosen where versions ask differently. */
export type Body<A extends Api> = RequestOf<A> | ((version: number) => RequestOf<A>);

/** Reads a response's bytes, which begin with the correlation id. */
export type Decode = (api: Api, version: number, response: Buffer) => object;

/** One request on its way. `queued`: no byte handed to the socket; `sent`: perhaps applied; `abandoned`: sent, and nobody waits any more. */
interface Exchange {
  state: 'queued' | 'sent' | 'abandoned';
  readonly api: Api;
  readonly version: number;
  readonly correlationId: number;
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly answered: boolean;
  /** Part of making the connection usable: goes before what waits for that. */
  readonly handshake: boolean;
  readonly startedAt: number;
  readonly decode: Decode;
  resolve(body: unknown): void;
  reject(error: unknown): void;
}

const maxCorrelationId = 2 ** 31 - 1;

/** The longest answer to a handshake: the longest message of a SASL exchange, the longest text beside it, and room. */
const maxUnknownBytes = 128 * 1024;

/**
 * One connection to one broker. Requests are multiplexed; the broker answers in order. Each request settles exactly once: with its
 * answer, a time-out, or a connection error whose `persistence` says whether it may have been applied.
 */
export class Connection {
  readonly broker: string;
  /** Resolves, with the reason, when the connection is gone. Never rejects. */
  readonly closed: Promise<Error>;
  readonly #settings: ConnectionSettings;
  readonly #assembler: FrameAssembler;
  readonly #outbox: Exchange[] = [];
  readonly #inFlight: Exchange[] = [];
  /** Sent, and no answer will come: waiting for the kernel to take the bytes. */
  readonly #unanswered = new Set<Exchange>();
  #versions: ReadonlyMap<number, VersionRange>;
  #socket: Socket | undefined;
  #correlationId = 0;
  #lastUsed: number;
  #idleTimer: Timer | undefined;
  /** While the connection is authenticated anew: requests wait. */
  #parked = false;
  readonly #quiet = new Bell();
  #throttledUntil = 0;
  #throttleTimer: Timer | undefined;
  /** Whether a request was answered that is no handshake. */
  #served = false;
  #corked = false;
  #closeReason: Error | undefined;
  #tellClosed: (reason: Error) => void = () => {};

  constructor(address: Address, settings: ConnectionSettings) {
    this.broker = formatAddress(address);
    this.#settings = settings;
    this.#versions = new Map();
    this.#assembler = new FrameAssembler(settings.maxResponseBytes, frame => this.#answer(frame));
    if (settings.security?.sasl !== undefined)
      this.#assembler.limit(Math.min(maxUnknownBytes, settings.maxResponseBytes), 'as long as nobody is authenticated');
    this.#lastUsed = settings.clock.now();
    this.closed = new Promise(resolve => {
      this.#tellClosed = resolve;
    });
  }

  /** Connects the socket; what arrives from then on is taken. Used once, by {@link openConnection}. */
  async dial(address: Address, timeoutMs: number, signal: AbortSignal | undefined, tls?: TlsDial | undefined): Promise<void> {
    const { ipVersion, clock } = this.#settings;
    const onBytes = (bytes: Uint8Array) => this.#receive(bytes);
    const socket = await dial(address, { connectTimeoutMs: timeoutMs, ipVersion, clock, tls, signal, onBytes });
    this.#socket = socket;
    this.#lastUsed = clock.now(); // the time to connect is not idle
    socket.on('error', error => this.#fail(lost(error.message, error)));
    socket.on('end', () => this.#fail(lost(`the other side closed it${this.#hint()}`)));
    socket.on('close', () => this.#fail(lost('it was closed')));
    socket.on('drain', () => this.#flush());
    this.#watchIdle();
  }

  /** What the broker said it speaks. Set once, by the handshake. */
  offer(versions: ReadonlyMap<number, VersionRange>): void {
    this.#versions = versions;
  }

  /** Both sides accept each other: answers may be as long as the settings say. Called once, after the first authentication. */
  trust(): void {
    this.#assembler.limit(this.#settings.maxResponseBytes);
  }

  get open(): boolean {
    return this.#closeReason === undefined;
  }

  /** Requests without an answer yet. */
  get pendingCount(): number {
    return this.#outbox.length + this.#inFlight.length;
  }

  /** For how many ms the oldest request sent has had no answer; 0 when there is none. */
  get waitingMs(): number {
    const [oldest] = this.#inFlight;
    return oldest === undefined ? 0 : this.#settings.clock.now() - oldest.startedAt;
  }

  /** What the broker offers of `api`; undefined when it does not. */
  offered(api: Api): VersionRange | undefined {
    return this.#versions.get(api.key);
  }

  /**
   * The broker's answer, in the highest version both sides speak.
   * @throws KafkaError `TIDE_UNSUPPORTED`, `TIDE_TIMEOUT`, `TIDE_CONNECTION`, `TIDE_PROTOCOL`; the last three with `persistence`.
   */
  request<A extends Api>(api: A, body: Body<A>, options: RequestOptions): Promise<ResponseOf<A>> {
    const version = () => chooseVersion(api, this.#versions, this.broker, options.maxVersion);
    return this.#exchange(api, version, body, options, decodeResponseBody, false);
  }

  /**
   * As {@link request}, for the handshake: in a version of the caller's choice, and with a say in how the answer is read, since it comes
   * before the versions are known, and may be answered in another one than it asked in. {@link alone} does not hold it back.
   */
  requestAs<A extends Api>(api: A, version: number, body: RequestOf<A>, options: RequestOptions, decode: Decode): Promise<ResponseOf<A>> {
    return this.#exchange(api, () => version, body, options, decode, true);
  }

  /**
   * Lets requests wait until those under way are answered and `work` is done, whose own go by {@link requestAs}. None of them fails for it.
   * @throws whatever `work` throws, or the reason when the connection is lost before.
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#parked = true;
    try {
      while (this.#closeReason === undefined && (this.#inFlight.length > 0 || this.#throttleTimer !== undefined)) await this.#quiet.wait();
      if (this.#closeReason !== undefined) throw this.#closeReason;
      return await work();
    } finally {
      this.#parked = false;
      this.#flush();
    }
  }

  #exchange<A extends Api>(
    api: A,
    version: () => number,
    body: Body<A>,
    options: RequestOptions,
    decode: Decode,
    handshake: boolean,
  ): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (this.#closeReason !== undefined) throw this.#rejection(api, this.#closeReason, 'no');
      options.signal?.throwIfAborted();
      const chosen = version();
      const correlationId = this.#nextCorrelationId();
      const { chunks, size } = encodeRequestFrame(
        api,
        chosen,
        correlationId,
        this.#settings.clientId,
        typeof body === 'function' ? body(chosen) : body,
      );
      const { clock } = this.#settings;
      const timer = clock.after(options.timeoutMs, () => this.#expire(exchange, options.timeoutMs));
      const forget = onAbort(options.signal, () => {
        this.#abandon(exchange);
        exchange.reject(options.signal?.reason);
      });
      const release = () => {
        timer.cancel();
        forget();
      };
      const exchange: Exchange = {
        state: 'queued',
        api,
        version: chosen,
        correlationId,
        chunks,
        sizeBytes: size,
        answered: options.answered ?? true,
        handshake,
        decode,
        startedAt: clock.now(),
        resolve: answer => {
          release();
          resolve(answer as ResponseOf<A>);
        },
        reject: error => {
          release();
          reject(error);
        },
      };
      if (handshake) this.#outbox.unshift(exchange);
      else this.#outbox.push(exchange);
      this.#flush();
    });
  }

  /** Closes at once; what waits is rejected with `reason` as cause. */
  close(reason: Error = new StateError('TIDE_CLOSED', 'the client was closed')): void {
    this.#fail(reason);
  }

  #nextCorrelationId(): number {
    this.#correlationId = this.#correlationId === maxCorrelationId ? 1 : this.#correlationId + 1;
    return this.#correlationId;
  }

  /** Hands queued requests to the socket while it takes them. What is written in one turn of the loop leaves in one piece. */
  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closeReason !== undefined || this.#throttleTimer !== undefined) return;
    while (this.#outbox.length > 0 && !socket.writableNeedDrain) {
      const [exchange] = this.#outbox;
      if (exchange === undefined || (this.#parked && !exchange.handshake)) break;
      this.#outbox.shift();
      if (!exchange.handshake) this.#lastUsed = this.#settings.clock.now();
      if (!this.#corked) {
        this.#corked = true;
        socket.cork();
        process.nextTick(() => {
          this.#corked = false;
          socket.uncork();
        });
      }
      exchange.state = 'sent';
      if (this.#settings.log !== undefined) logRequest(this.#settings.log, this.broker, exchange);
      const last = exchange.chunks.length - 1;
      for (const [index, chunk] of exchange.chunks.entries()) {
        if (exchange.answered || index < last) socket.write(chunk);
        else socket.write(chunk, error => (error ? undefined : this.#handedOver(exchange)));
      }
      if (exchange.answered) this.#inFlight.push(exchange);
      else this.#unanswered.add(exchange);
    }
  }

  #handedOver(exchange: Exchange): void {
    this.#unanswered.delete(exchange);
    exchange.resolve(undefined);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#closeReason !== undefined) return;
    try {
      this.#assembler.push(bytes);
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #answer(frame: Buffer): void {
    if (this.#closeReason !== undefined) return;
    const exchange = this.#inFlight.shift();
    if (!exchange?.handshake) this.#lastUsed = this.#settings.clock.now();
    const correlationId = readCorrelationId(frame);
    if (exchange === undefined || correlationId !== exchange.correlationId) {
      if (exchange !== undefined) this.#inFlight.unshift(exchange);
      const expected = exchange === undefined ? 'no answer at all' : `correlation id ${exchange.correlationId}`;
      this.#fail(
        new ProtocolError(
          `broker ${this.broker} answered correlation id ${correlationId}, expected ${expected}: answers got mixed up on the way`,
          {
            retriable: true,
            errno: -1009,
            context: { broker: this.broker, correlationId },
          },
        ),
      );
      return;
    }
    if (this.#parked && this.#inFlight.length === 0) this.#quiet.ring();
    if (this.#settings.log?.dumps) logFrame(this.#settings.log, this.broker, exchange, frame);
    if (exchange.state === 'abandoned') return;
    let body: unknown;
    try {
      body = exchange.decode(exchange.api, exchange.version, frame);
    } catch (error) {
      this.#inFlight.unshift(exchange);
      this.#fail(asError(error));
      return;
    }
    const throttleMs = throttleOf(body);
    this.#trace(exchange, frame.length, throttleMs, undefined);
    if (throttleMs > 0 && exchange.version >= exchange.api.clientThrottles) this.#throttle(throttleMs);
    if (!exchange.handshake) this.#served = true;
    exchange.resolve(body);
  }

  /** KIP-219: the broker asks for silence; nothing new is sent to it until then. */
  #throttle(ms: number): void {
    const { clock } = this.#settings;
    this.#throttledUntil = Math.max(this.#throttledUntil, clock.now() + ms);
    this.#throttleTimer?.cancel();
    this.#throttleTimer = clock.after(this.#throttledUntil - clock.now(), () => {
      this.#throttleTimer = undefined;
      this.#quiet.ring();
      this.#flush();
    });
  }

  #expire(exchange: Exchange, limitMs: number): void {
    const timeoutMs = Math.round(limitMs); // it may be what connecting has left of a limit
    const what = `${exchange.api.name} to broker ${this.broker}`;
    const context = { api: exchange.api.name, broker: this.broker, timeoutMs };
    if (exchange.state === 'queued') {
      this.#abandon(exchange);
      const why = this.#whyUnsent();
      exchange.reject(
        new TimeoutError(`${what}: not sent within ${timeoutMs} ms: ${why}`, { retriable: true, persistence: 'no', context }),
      );
      return;
    }
    const error = new TimeoutError(`${what}: no answer within ${timeoutMs} ms`, { retriable: true, persistence: 'maybe', context });
    this.#abandon(exchange);
    this.#trace(exchange, 0, 0, error);
    exchange.reject(error);
    // Answers come in order, so those behind it cannot come either.
    this.#fail(lost(`a request got no answer within ${timeoutMs} ms`, error));
  }

  /** A listener that demands SASL says which versions it speaks to everybody, and hangs up at the first thing that is asked of it. */
  #hint(): string {
    const refused = !this.#served && this.#inFlight[0]?.handshake === false && this.#settings.security?.sasl === undefined;
    return refused ? ' at the first request; does this listener demand SASL?' : '';
  }

  #whyUnsent(): string {
    if (this.#throttleTimer !== undefined) return 'the broker throttles this client';
    return this.#parked ? 'the connection is being authenticated anew' : 'the socket did not take it';
  }

  #abandon(exchange: Exchange): void {
    if (exchange.state === 'sent') exchange.state = 'abandoned';
    const queued = this.#outbox.indexOf(exchange);
    if (queued >= 0) this.#outbox.splice(queued, 1);
  }

  #fail(reason: Error): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#idleTimer?.cancel();
    this.#throttleTimer?.cancel();
    this.#socket?.destroy();
    const waiting = [...this.#inFlight.splice(0), ...this.#unanswered];
    this.#quiet.ring();
    this.#unanswered.clear();
    for (const exchange of waiting) {
      if (exchange.state === 'abandoned') continue;
      const error = this.#rejection(exchange.api, reason, 'maybe');
      this.#trace(exchange, 0, 0, error);
      exchange.reject(error);
    }
    for (const exchange of this.#outbox.splice(0)) exchange.reject(this.#rejection(exchange.api, reason, 'no'));
    traceConnection({ kind: 'closed', broker: this.broker, error: reason });
    this.#tellClosed(reason);
  }

  /** The error of one request that the end of the connection took with it. */
  #rejection(api: Api, reason: Error, persistence: 'no' | 'maybe'): KafkaError {
    const what = `${api.name} to broker ${this.broker}`;
    const context = { api: api.name, broker: this.broker };
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

  #watchIdle(): void {
    const { clock, idleTimeoutMs } = this.#settings;
    const leftMs = this.#lastUsed + idleTimeoutMs - clock.now();
    if (leftMs <= 0 && this.pendingCount === 0) {
      this.#fail(new ConnectionError(`connection lost: it was idle for ${idleTimeoutMs} ms (idleTimeoutMs)`, { context: { meant: true } }));
      return;
    }
    this.#idleTimer = clock.after(Math.max(leftMs, 1000), () => this.#watchIdle(), true);
  }

  #trace(exchange: Exchange, receivedBytes: number, throttleMs: number, error: Error | undefined): void {
    const { log, clock } = this.#settings;
    if (log === undefined && !tracesRequests()) return;
    const { api, version, correlationId, sizeBytes, startedAt } = exchange;
    const durationMs = clock.now() - startedAt;
    if (log !== undefined) logAnswer(log, this.broker, exchange, { bytes: receivedBytes, durationMs, throttleMs, error });
    if (!tracesRequests()) return;
    traceRequest({
      api: api.name,
      version,
      broker: this.broker,
      correlationId,
      sentBytes: sizeBytes,
      receivedBytes,
      durationMs,
      throttleMs,
      error,
    });
  }
}

const lost = (why: string, cause?: Error): ConnectionError => new ConnectionError(`connection lost: ${why}`, { cause });

function throttleOf(body: unknown): number {
  const throttle = (body as { throttleTimeMs?: number }).throttleTimeMs;
  return typeof throttle === 'number' ? throttle : 0;
}
