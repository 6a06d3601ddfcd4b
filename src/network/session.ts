import { type Clock, Deadline, type Timer } from '../base/clock.js';
import { asError, KafkaError, TimeoutError } from '../base/errors.js';
import { limited } from '../base/wait.js';
import type { Address } from './address.js';
import type { Connection, ConnectionSettings } from './connection.js';
import { authenticate, explainAuthentication } from './sasl/authenticate.js';
import type { Sasl, SaslExchange, SaslReport } from './sasl/mechanism.js';
import type { Security } from './security.js';

/** The part of a session after which it is renewed, and by how much connections differ in that. */
const renewAt = 0.8;
const renewJitter = 0.1;
/** A broker refuses to be authenticated to twice within a second. */
const minRenewMs = 1100;

type Exchange = SaslExchange & SaslReport;

/** The authentication of one connection, which is repeated before the broker stops taking it (KIP-368). */
export class Session {
  readonly #connection: Connection;
  readonly #address: Address;
  readonly #settings: ConnectionSettings;
  readonly #security: Security;
  readonly #sasl: Sasl;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #timer: Timer | undefined;

  constructor(connection: Connection, address: Address, settings: ConnectionSettings, security: Security, sasl: Sasl) {
    this.#connection = connection;
    this.#address = address;
    this.#settings = settings;
    this.#security = security;
    this.#sasl = sasl;
    this.#clock = settings.clock;
  }

  /**
   * Authenticates, and keeps doing so for as long as the connection stands.
   * @throws KafkaError what {@link authenticate} throws.
   */
  async begin(deadline: Deadline, signal: AbortSignal | undefined): Promise<void> {
    const connection = this.#connection;
    this.#security.warnCleartext(connection.broker);
    let lifetimeMs: number;
    try {
      lifetimeMs = await this.#within(deadline, signal, async stop => this.#converse(await this.#start(stop), deadline, stop));
    } catch (error) {
      throw this.#explained(error);
    }
    connection.trust();
    void connection.closed.then(reason => {
      this.#timer?.cancel();
      this.#over.abort(reason);
    });
    this.#renewIn(lifetimeMs);
  }

  #start(signal: AbortSignal): Promise<Exchange> {
    const { host, port } = this.#address;
    return this.#sasl.start({ host, port, signal });
  }

  async #converse(exchange: Exchange, deadline: Deadline, signal: AbortSignal): Promise<number> {
    try {
      return await authenticate(this.#connection, this.#sasl, exchange, { remainingMs: () => deadline.remainingMs(), signal });
    } catch (error) {
      if (error instanceof KafkaError && error.code === 'TIDE_AUTH') this.#sasl.refused();
      throw error;
    }
  }

  #explained(error: unknown): unknown {
    return explainAuthentication(error, this.#connection.broker, this.#sasl.mechanism, this.#settings.connectTimeoutMs);
  }

  /** Runs `work` with a signal that is aborted when its time is over: a function of the user's may never answer. */
  #within<T>(deadline: Deadline, signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const { broker } = this.#connection;
    const { connectTimeoutMs } = this.#settings;
    const late = () =>
      new TimeoutError(
        `authenticate to ${broker} with ${this.#sasl.mechanism}: not done within ${connectTimeoutMs} ms (connectTimeoutMs)`,
        {
          retriable: true,
          persistence: 'no',
          context: { broker },
        },
      );
    return limited(this.#clock, { ms: deadline.remainingMs(), signal, late }, work);
  }

  #renewIn(lifetimeMs: number): void {
    if (!this.#connection.open || lifetimeMs === Number.POSITIVE_INFINITY) return;
    const end = new Deadline(this.#clock, lifetimeMs);
    const delayMs = Math.max(minRenewMs, lifetimeMs * (renewAt + renewJitter * Math.random()));
    this.#timer = this.#clock.after(delayMs, () => void this.#renew(end), true);
  }

  /** What we authenticate with is got while requests go on; only the exchange itself has the connection for itself. */
  async #renew(end: Deadline): Promise<void> {
    const connection = this.#connection;
    const deadline = new Deadline(this.#clock, this.#settings.connectTimeoutMs);
    const stop = this.#over.signal;
    let exchange: Exchange;
    try {
      exchange = await this.#within(deadline, stop, signal => this.#start(signal));
    } catch (error) {
      const againMs = Math.max(1000, end.remainingMs() / 4);
      const passing = error instanceof KafkaError && error.retriable && againMs < end.remainingMs();
      if (passing && connection.open) this.#timer = this.#clock.after(againMs, () => void this.#renew(end), true);
      else this.#giveUp(error);
      return;
    }
    try {
      const lifetimeMs = await connection.alone(() => {
        const own = new Deadline(this.#clock, this.#settings.connectTimeoutMs); // what was under way may have taken long
        return this.#within(own, stop, signal => this.#converse(exchange, own, signal));
      });
      this.#renewIn(lifetimeMs);
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(thrown: unknown): void {
    if (!this.#connection.open) return;
    const error = this.#explained(thrown);
    this.#security.gate.refused(this.#connection.broker, error);
    this.#connection.close(asError(error));
  }
}
