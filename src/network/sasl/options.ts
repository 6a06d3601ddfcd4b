import { type Clock, systemClock } from '../../base/clock.js';
import { AuthError, InputError } from '../../base/errors.js';
import { custom, needed, oneOf, optional, type Rule, resolve } from '../../base/options.js';
import { Secret } from '../../base/secret.js';
import { asked, type Credentials, type CredentialsProvider, credentialsFrom, usable } from './credentials.js';
import type { Sasl, SaslExchange, SaslMechanism, SaslTarget } from './mechanism.js';
import { type OauthToken, oauthbearer, type TokenProvider, tokenFault } from './oauthbearer.js';
import { plain } from './plain.js';
import { SaltedPasswords } from './salted-passwords.js';
import { saslprep } from './saslprep.js';
import { scram } from './scram.js';
import { TokenSource } from './token-source.js';

/** A user name and a password, or a function that gives them. */
export type PasswordOptions = {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  /** Whom to act as, where that is somebody else than the user. Kafka's own brokers accept only the user. */
  readonly authzid?: string | undefined;
} & (
  | { readonly username: string; readonly password: string; readonly credentials?: undefined }
  | { readonly credentials: CredentialsProvider; readonly username?: undefined; readonly password?: undefined }
);

/** A token, or a function that gives one whenever the one before is near its end. */
export interface OauthbearerOptions {
  readonly mechanism: 'OAUTHBEARER';
  readonly token: string | TokenProvider;
  readonly authzid?: string | undefined;
}

/** How to authenticate. */
export type SaslOptions = PasswordOptions | OauthbearerOptions | SaslMechanism;

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;

const wrong = (text: string): InputError => new InputError(`KafkaClient: ${text}`, { code: 'TIDE_OPTION' });

/** A rule that never shows the value it refuses. */
const hidden = <T>(what: string, accepts: (value: unknown) => value is T): Rule<T, T, false> =>
  custom<T, T>(what, undefined as T, (value, path) => {
    if (accepts(value)) return value;
    throw wrong(`"sasl.${path.split(' ').at(-1)}" must be ${what}`);
  });

const isFunction = <F>(value: unknown): value is F => typeof value === 'function';
const text = 'a string that is not empty, and without NUL';

const passwordRules = {
  mechanism: needed(oneOf('PLAIN', ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])),
  username: optional(hidden(text, usable)),
  password: optional(hidden(text, usable)),
  credentials: optional(hidden('a function that gives { username, password }', isFunction<CredentialsProvider>)),
  authzid: optional(hidden(text, usable)),
};
const tokenRules = {
  mechanism: needed(oneOf('OAUTHBEARER', ['OAUTHBEARER'])),
  token: needed(
    hidden(
      'a token, or a function that gives { value, expiresAt?, extensions? }',
      (value): value is string | TokenProvider => typeof value === 'string' || typeof value === 'function',
    ),
  ),
  authzid: optional(hidden(text, usable)),
};

/**
 * The way to authenticate that the `sasl` option describes.
 * @throws KafkaError `TIDE_OPTION` saying what is wrong with it, and never what its secrets are.
 */
export function saslFrom(given: unknown, clock: Clock = systemClock): Sasl {
  if (typeof given !== 'object' || given === null) throw wrong('"sasl" must be an object with a mechanism');
  const { mechanism } = given as { mechanism?: unknown };
  if (typeof mechanism !== 'string' || mechanism === '')
    throw wrong(`"sasl.mechanism" must be one of ${mechanisms.join(', ')}, or the name of your own`);
  if ('start' in given) return ownMechanism(mechanism, given);
  if (mechanism === 'OAUTHBEARER') return tokenMechanism(given, clock);
  if (mechanisms.some(known => known === mechanism)) return passwordMechanism(given);
  throw wrong(
    `"sasl.mechanism" must be one of ${mechanisms.join(', ')}, or have a function "start" beside it: ${JSON.stringify(mechanism.slice(0, 40))} is not known`,
  );
}

function ownMechanism(mechanism: string, given: object): Sasl {
  const own = given as SaslMechanism;
  if (typeof own.start !== 'function') throw wrong('"sasl.start" must be a function');
  return {
    mechanism,
    cleartext: false,
    refused: () => {},
    start: async target => {
      const exchange = await asked('sasl.start', () => own.start(target), target.signal);
      if (!isExchange(exchange)) throw new AuthError('sasl.start must give { first, step }: bytes and a function', { persistence: 'no' });
      return { first: exchange.first, step: challenge => exchange.step(challenge), user: undefined, secrets: [] };
    },
  };
}

const isExchange = (given: unknown): given is SaslExchange =>
  typeof given === 'object' &&
  given !== null &&
  'first' in given &&
  given.first instanceof Uint8Array &&
  'step' in given &&
  typeof given.step === 'function';

function passwordMechanism(given: object): Sasl {
  const { mechanism, authzid, ...who } = resolve('KafkaClient sasl', passwordRules, given as PasswordOptions);
  const ask = credentials(who);
  const scrams = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
  const hash = mechanism === 'PLAIN' ? undefined : scrams[mechanism];
  if (hash !== undefined && who.username !== undefined) {
    for (const [name, value] of Object.entries({ username: who.username, password: who.password ?? '', authzid: authzid ?? '' }))
      prepared(value, name);
  }
  const cache = new SaltedPasswords();
  return {
    mechanism,
    cleartext: mechanism === 'PLAIN',
    refused: () => cache.clear(),
    start: async ({ signal }) => {
      const credentials = await ask(signal);
      const exchange = hash === undefined ? plain(credentials, authzid) : scram(hash, credentials, { authzid: authzid ?? '', cache });
      return { ...exchange, user: credentials.username, secrets: [credentials.password] };
    },
  };
}

function prepared(value: string, name: string): void {
  try {
    saslprep(value, `"sasl.${name}"`);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function credentials({
  username,
  password,
  credentials: provider,
}: {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly credentials?: CredentialsProvider | undefined;
}): (signal: AbortSignal) => Promise<Credentials> {
  if (provider !== undefined) {
    if (username !== undefined || password !== undefined) throw wrong('"sasl" has either a username and a password, or credentials');
    return signal => credentialsFrom(provider, signal);
  }
  if (username === undefined || password === undefined) throw wrong('"sasl" needs a username and a password, or credentials');
  const secret = new Secret(password);
  return async () => ({ username, password: secret.reveal() });
}

function tokenMechanism(given: object, clock: Clock): Sasl {
  const { token, authzid } = resolve('KafkaClient sasl', tokenRules, given as OauthbearerOptions);
  if (typeof token === 'string' && tokenFault({ value: token }) !== undefined)
    throw wrong('"sasl.token" must be a token of letters, digits and -._~+/= (RFC 6750), or a function that gives one');
  const fixed = typeof token === 'string' ? new Secret<OauthToken>({ value: token }) : undefined;
  const source = new TokenSource(typeof token === 'string' ? () => ({ value: '' }) : token, clock);
  return {
    mechanism: 'OAUTHBEARER',
    cleartext: true,
    refused: () => source.drop(),
    start: async ({ signal }: SaslTarget) => {
      const now = fixed?.reveal() ?? (await source.get(signal));
      const exchange = oauthbearer(now, authzid);
      return {
        first: exchange.first,
        step: challenge => exchange.step(challenge),
        get complaint() {
          return exchange.complaint;
        },
        user: undefined,
        secrets: [now.value, ...Object.values(now.extensions ?? {})],
      };
    },
  };
}
