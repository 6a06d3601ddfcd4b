import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.js';
import { traceConnection } from '../base/diagnostics.js';
import { asError, ConnectionError, ProtocolError, StateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Bell } from '../base/wait.js';
import { type Api, decodeResponseBody, encodeRequestFrame, type RequestOf, type ResponseOf, readCorrelationId } from '../protocol/index.js';
import { type Address, formatAddress } from './address.js';
import { dial } from './dial.js';
import { type Decode, Exchange, lostWith, type Site } from './exchange.js';
import { FrameAssembler } from './frame-assembler.js';
import { Outbox } from './outbox.js';
import type { Security } from './security.js';
import type { TlsDial } from './tls.js';
import { chooseVersion, type VersionRange } from './versions.js';
import { logFrame } from './wire-log.js';

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
  readonly #site: Site;
  readonly #assembler: FrameAssembler;
  readonly #outbox: Outbox;
  readonly #inFlight: Exchange[] = [];
  /** Sent, and no answer will come: waiting for the kernel to take the bytes. */
  readonly #unanswered = new Set<Exchange>();
  #versions: ReadonlyMap<number, VersionRange>;
  #socket: Socket | undefined;
  #correlationId = 0;
  #lastUsed: number;
  #idleTimer: Timer | undefined;
  readonly #quiet = new Bell();
  /** Whether a request was answered that is no handshake. */
  #served = false;
  #closeReason: Error | undefined;
  #tellClosed: (reason: Error) => void = () => {};

  constructor(address: Address, settings: ConnectionSettings) {
    this.broker = formatAddress(address);
    this.#settings = settings;
    this.#versions = new Map();
    this.#site = {
      broker: this.broker,
      clock: settings.clock,
      log: settings.log,
      expired: (exchange, limitMs) => this.#expire(exchange, limitMs),
      abandoned: exchange => this.#abandon(exchange),
      taken: exchange => this.#taken(exchange),
    };
    this.#outbox = new Outbox(settings.clock, {
      sent: exchange => this.#sent(exchange),
      released: () => this.#quiet.ring(),
    });
    this.#assembler = new FrameAssembler(settings.maxResponseBytes, frame => this.#answer(frame));
    if (settings.security?.sasl !== undefined)
      this.#assembler.limit(Math.min(maxUnknownBytes, settings.maxResponseBytes), 'as long as nobody is authenticated');
    this.#lastUsed = settings.clock.now();
    this.closed = new Promise(resolve => {
      this.#tellClosed = resolve;
    });
  }

  /** Connects the socket; what arrives from then on is taken. Used once, by {@link openConnection}. */
  async dial(address: Address, leftMs: number, signal: AbortSignal | undefined, tls?: TlsDial | undefined): Promise<void> {
    const { connectTimeoutMs, ipVersion, clock } = this.#settings;
    const onBytes = (bytes: Uint8Array) => this.#receive(bytes);
    const socket = await dial(address, { leftMs, connectTimeoutMs, ipVersion, clock, tls, signal, onBytes });
    this.#socket = socket;
    this.#lastUsed = clock.now(); // the time to connect is not idle
    socket.on('error', error => this.#fail(lost(error.message, error)));
    socket.on('end', () => this.#fail(lost(`the other side closed it${this.#hint()}`)));
    socket.on('close', () => this.#fail(lost('it was closed')));
    this.#outbox.open(socket);
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
    this.#outbox.park();
    try {
      while (this.#closeReason === undefined && (this.#inFlight.length > 0 || this.#outbox.throttled)) await this.#quiet.wait();
      if (this.#closeReason !== undefined) throw this.#closeReason;
      return await work();
    } finally {
      this.#outbox.unpark();
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
      const { timeoutMs, signal, answered = true } = options;
      if (this.#closeReason !== undefined) throw lostWith(api, this.broker, this.#closeReason, 'no');
      signal?.throwIfAborted();
      const chosen = version();
      const correlationId = this.#nextCorrelationId();
      const { chunks, size: sizeBytes } = encodeRequestFrame(
        api,
        chosen,
        correlationId,
        this.#settings.clientId,
        typeof body === 'function' ? body(chosen) : body,
      );
      const question = { api, version: chosen, correlationId, chunks, sizeBytes, answered, handshake, decode };
      const answer = resolve as (body: unknown) => void; // `decode` reads what the API says
      this.#outbox.add(new Exchange(this.#site, question, { timeoutMs, signal, resolve: answer, reject }));
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

  #sent(exchange: Exchange): void {
    const { answered, handshake } = exchange.question;
    if (!handshake) this.#lastUsed = this.#settings.clock.now();
    if (answered) this.#inFlight.push(exchange);
    else this.#unanswered.add(exchange);
  }

  #taken(exchange: Exchange): void {
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

  /** A frame came. What is wrong with it is thrown, and ends the connection: its exchange is in flight still, and is rejected with the others. */
  #answer(frame: Buffer): void {
    if (this.#closeReason !== undefined) return;
    const [exchange] = this.#inFlight;
    const correlationId = readCorrelationId(frame);
    if (exchange === undefined || correlationId !== exchange.question.correlationId) {
      throw mixedUp(this.broker, correlationId, exchange?.question.correlationId);
    }
    const { api, version, handshake, decode } = exchange.question;
    const { log, clock } = this.#settings;
    if (!handshake) this.#lastUsed = clock.now();
    if (log?.dumps) logFrame(log, this.broker, exchange.question, frame);
    const body = exchange.state === 'abandoned' ? undefined : decode(api, version, frame);
    this.#inFlight.shift();
    if (this.#outbox.parked && this.#inFlight.length === 0) this.#quiet.ring();
    if (body === undefined) return;
    const throttleMs = throttleOf(body);
    exchange.trace(frame.length, throttleMs, undefined);
    if (throttleMs > 0 && version >= api.clientThrottles) this.#outbox.throttle(throttleMs);
    if (!handshake) this.#served = true;
    exchange.resolve(body);
  }

  #expire(exchange: Exchange, limitMs: number): void {
    if (exchange.state === 'queued') {
      this.#outbox.remove(exchange);
      exchange.neverSent(limitMs, this.#outbox.obstacle);
      return;
    }
    const error = exchange.unanswered(limitMs);
    // Answers come in order, so those behind it cannot come either.
    this.#fail(lost(`a request got no answer within ${Math.round(limitMs)} ms`, error));
  }

  #abandon(exchange: Exchange): void {
    if (exchange.state === 'queued') this.#outbox.remove(exchange);
    else exchange.abandon();
  }

  /** A listener that demands SASL says which versions it speaks to everybody, and hangs up at the first thing that is asked of it. */
  #hint(): string {
    const refused = !this.#served && this.#inFlight[0]?.question.handshake === false && this.#settings.security?.sasl === undefined;
    return refused ? ' at the first request; does this listener demand SASL?' : '';
  }

  #fail(reason: Error): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#idleTimer?.cancel();
    this.#socket?.destroy();
    const waiting = [...this.#inFlight.splice(0), ...this.#unanswered, ...this.#outbox.close()];
    this.#unanswered.clear();
    this.#quiet.ring();
    for (const exchange of waiting) exchange.lost(reason);
    traceConnection({ kind: 'closed', broker: this.broker, error: reason });
    this.#tellClosed(reason);
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
}

const lost = (why: string, cause?: Error): ConnectionError => new ConnectionError(`connection lost: ${why}`, { cause });

function mixedUp(broker: string, correlationId: number, wanted: number | undefined): ProtocolError {
  const expected = wanted === undefined ? 'no answer at all' : `correlation id ${wanted}`;
  return new ProtocolError(
    `broker ${broker} answered correlation id ${correlationId}, expected ${expected}: answers got mixed up on the way`,
    {
      retriable: true,
      errno: -1009,
      context: { broker, correlationId },
    },
  );
}

function throttleOf(body: object): number {
  const throttle = (body as { throttleTimeMs?: number }).throttleTimeMs;
  return typeof throttle === 'number' ? throttle : 0;
}
