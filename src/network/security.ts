import type { Clock } from '../base/clock.js';
import { type SecurityWarning, traceWarning } from '../base/diagnostics.js';
import { AuthGate } from './auth-gate.js';
import type { Sasl } from './sasl/mechanism.js';
import type { Tls } from './tls.js';

/** How the connections of one client are protected, and what they share for that. */
export class Security {
  readonly tls: Tls | undefined;
  readonly sasl: Sasl | undefined;
  readonly gate: AuthGate;
  readonly #observe: (warning: SecurityWarning) => void;
  #toldOfCleartext = false;

  constructor({
    tls,
    sasl,
    clock,
    observe,
  }: {
    readonly tls: Tls | undefined;
    readonly sasl: Sasl | undefined;
    readonly clock: Clock;
    readonly observe: (warning: SecurityWarning) => void;
  }) {
    this.tls = tls;
    this.sasl = sasl;
    this.gate = new AuthGate(clock);
    this.#observe = observe;
  }

  /** Said at each connection: anybody may be at its other end. */
  warnUnverified(broker: string): void {
    this.#warn({
      kind: 'unverified',
      broker,
      message: `the certificate of ${broker} is not checked (tls.rejectUnauthorized: false): anybody can be there`,
    });
  }

  /** Said once: whoever listens on the way learns what we authenticate with. */
  warnCleartext(broker: string): void {
    if (this.#toldOfCleartext || this.tls !== undefined || !this.sasl?.cleartext) return;
    this.#toldOfCleartext = true;
    const what = this.sasl.mechanism === 'PLAIN' ? 'password' : 'token';
    this.#warn({
      kind: 'cleartext',
      broker,
      message: `SASL ${this.sasl.mechanism} without TLS sends the ${what} to ${broker} for everybody on the way to read`,
    });
  }

  #warn(warning: SecurityWarning): void {
    traceWarning(warning);
    this.#observe(warning);
  }
}
