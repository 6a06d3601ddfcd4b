import type { Clock } from '../../base/clock.js';
import { AuthError } from '../../base/errors.js';
import { Secret } from '../../base/secret.js';
import { orAborted } from '../../base/wait.js';
import { asked } from './credentials.js';
import { type OauthToken, type TokenProvider, tokenFault } from './oauthbearer.js';

/** The part of its life after which a token is replaced. Clients differ a little, towards the earlier: sessions are renewed from 80 % on. */
const refreshAt = 0.8;
const refreshJitter = 0.05;

interface Held {
  readonly token: Secret<OauthToken>;
  readonly refreshAt: number;
  readonly expiresAt: number;
}

interface Flight {
  readonly promise: Promise<OauthToken>;
  readonly abort: AbortController;
  waiting: number;
}

/** The token of the moment for all connections of a client: asked for once, kept for 80 % of its life. */
export class TokenSource {
  readonly #provider: TokenProvider;
  readonly #clock: Clock;
  #held: Held | undefined;
  #flight: Flight | undefined;

  constructor(provider: TokenProvider, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
  }

  /**
   * A token that is valid now. Whoever asks while the provider works shares its answer.
   * When a token cannot be replaced early it is used until its end.
   * @throws AuthError when the provider fails or gives what is no token; the signal's reason when aborted.
   */
  async get(signal: AbortSignal): Promise<OauthToken> {
    const now = this.#clock.wallTime();
    const held = this.#held;
    if (held !== undefined && now < held.refreshAt) return held.token.reveal();
    const flight = (this.#flight ??= this.#ask());
    flight.waiting += 1;
    try {
      return await orAborted(flight.promise, signal);
    } catch (error) {
      if (!signal.aborted && held !== undefined && this.#held === held && now < held.expiresAt) return held.token.reveal();
      throw error;
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0 && signal.aborted) flight.abort.abort(signal.reason);
    }
  }

  /** The broker did not take the token: the next authentication asks for another. */
  drop(): void {
    this.#held = undefined;
  }

  #ask(): Flight {
    const abort = new AbortController();
    const flight: Flight = { promise: this.#fetch(abort.signal), abort, waiting: 0 };
    const landed = () => {
      if (this.#flight === flight) this.#flight = undefined;
    };
    flight.promise.then(landed, landed);
    abort.signal.addEventListener('abort', landed, { once: true });
    return flight;
  }

  async #fetch(signal: AbortSignal): Promise<OauthToken> {
    const begun = this.#clock.wallTime();
    const token = await asked('sasl.token', () => this.#provider({ signal }), signal);
    const fault = tokenFault(token);
    if (fault !== undefined) throw new AuthError(`sasl.token must give ${fault}`, { persistence: 'no' });
    if (token.expiresAt === undefined) return token;
    const expiresAt = Number(token.expiresAt);
    const lifeMs = expiresAt - begun;
    if (lifeMs <= 0)
      throw new AuthError('sasl.token gave a token that has expired; is the clock right?', { retriable: true, persistence: 'no' });
    this.#held = { token: new Secret(token), refreshAt: begun + lifeMs * (refreshAt - refreshJitter * Math.random()), expiresAt };
    return token;
  }
}
