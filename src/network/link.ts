import type { Clock } from '../base/clock.js';
import { asError, StateError, TimeoutError } from '../base/errors.js';
import { backoffMs, type RetryPolicy } from '../base/retry.js';
import { orAborted, settledWithin } from '../base/wait.js';
import type { Api, ResponseOf } from '../protocol/index.js';
import { type Address, formatAddress } from './address.js';
import type { Body, Connection, ConnectionSettings, RequestOptions } from './connection.js';
import { openConnection } from './open-connection.js';

export interface LinkSettings extends ConnectionSettings {
  /** How the wait grows between two attempts to connect. */
  readonly reconnect: Pick<RetryPolicy, 'backoffMs' | 'maxBackoffMs'>;
  /** Told of each connection that opens, fails to, or ends. */
  readonly observe: (event: LinkEvent) => void;
}

export interface LinkEvent {
  readonly kind: 'opened' | 'closed' | 'failed';
  readonly broker: string;
  readonly error: Error | undefined;
}

/**
 * The way to one address: a connection that is opened when first needed and again after it was lost. After a failed attempt to connect
 * it fails at once until a back-off is over; it never tries again by itself.
 */
export class Link {
  readonly address: Address;
  readonly broker: string;
  readonly #settings: LinkSettings;
  readonly #clock: Clock;
  readonly #shut = new AbortController();
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #failures = 0;
  #lastFailure: Error | undefined;
  #quietUntil = 0;

  constructor(address: Address, settings: LinkSettings) {
    this.address = address;
    this.broker = formatAddress(address);
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  /** True while a connection stands. */
  get connected(): boolean {
    return this.#connection?.open ?? false;
  }

  /** Requests on the connection that have no answer yet. */
  get pendingCount(): number {
    return this.#connection?.pendingCount ?? 0;
  }

  /** For how many ms the oldest request on the connection has had no answer. */
  get waitingMs(): number {
    return this.#connection?.waitingMs ?? 0;
  }

  /** Ms until the next attempt to connect is allowed; 0 when it is now, and when it would be refused at once for who we are. */
  get quietMs(): number {
    if (this.#refusal !== undefined) return 0;
    return Math.max(0, this.#quietUntil - this.#clock.now());
  }

  /**
   * A connection that stands, opened if there is none; everyone who asks meanwhile shares the attempt.
   * @throws KafkaError what {@link openConnection} throws; the same at once within the back-off after a failed attempt.
   */
  async connect(signal?: AbortSignal): Promise<Connection> {
    if (this.#shut.signal.aborted) throw asError(this.#shut.signal.reason);
    if (this.#connection?.open) return this.#connection;
    if (this.#opening === undefined) {
      if (this.#refusal !== undefined) throw this.#refusal;
      if (this.quietMs > 0 && this.#lastFailure !== undefined) throw this.#lastFailure;
      this.#opening = this.#open().finally(() => {
        this.#opening = undefined;
      });
    }
    return orAborted(this.#opening, signal);
  }

  /** As {@link Connection.request}, connecting first if need be; the time limit covers both. */
  async request<A extends Api>(api: A, body: Body<A>, options: RequestOptions): Promise<ResponseOf<A>> {
    const started = this.#clock.now();
    const connection = this.#connection?.open ? this.#connection : await this.#connectFor(api, options);
    return connection.request(api, body, { ...options, timeoutMs: Math.max(1, options.timeoutMs - (this.#clock.now() - started)) });
  }

  /** As {@link connect}, for as long as a request may wait. The attempt goes on without it: others share it, or come after it. */
  async #connectFor(api: Api, { timeoutMs, signal }: RequestOptions): Promise<Connection> {
    const connecting = this.connect(signal);
    if (await settledWithin(this.#clock, connecting, timeoutMs)) return connecting;
    throw new TimeoutError(`${api.name} to broker ${this.broker}: not sent within ${Math.round(timeoutMs)} ms: still connecting`, {
      retriable: true,
      persistence: 'no',
      context: { api: api.name, broker: this.broker, timeoutMs },
    });
  }

  /** Closes the connection; the link can be used again. */
  disconnect(reason: Error): void {
    this.#connection?.close(reason);
  }

  /** Closes for good: every later call is rejected with `reason`. */
  close(reason: Error = new StateError('TIDE_CLOSED', 'the client was closed')): void {
    if (this.#shut.signal.aborted) return;
    this.#shut.abort(reason);
    this.#connection?.close(reason);
  }

  get #refusal(): Error | undefined {
    return this.#settings.security?.gate.remembered(this.broker);
  }

  async #open(): Promise<Connection> {
    const { observe } = this.#settings;
    const { broker } = this;
    try {
      const open = () => openConnection(this.address, this.#settings, this.#shut.signal);
      const gate = this.#settings.security?.gate;
      const connection = await (gate === undefined ? open() : gate.run(broker, open));
      if (this.#shut.signal.aborted) connection.close(asError(this.#shut.signal.reason));
      this.#failures = 0;
      this.#connection = connection;
      observe({ kind: 'opened', broker, error: undefined });
      void connection.closed.then(error => observe({ kind: 'closed', broker, error }));
      return connection;
    } catch (error) {
      if (!this.#shut.signal.aborted) {
        this.#failures += 1;
        this.#quietUntil = this.#clock.now() + backoffMs(this.#settings.reconnect, this.#failures);
        this.#lastFailure = asError(error);
        observe({ kind: 'failed', broker, error: asError(error) });
      }
      throw error;
    }
  }
}
