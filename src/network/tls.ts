import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import { AuthError, asError, ConnectionError, InputError, type KafkaError } from '../base/errors.js';
import { custom, flag, oneOf, optional, type Resolved, type Rule, resolve } from '../base/options.js';
import { limited, orAborted } from '../base/wait.js';
import { type Address, formatAddress } from './address.js';

export type Pem = string | Uint8Array;

/** How to talk TLS: these go to Node's `tls.connect` and `tls.createSecureContext` as they are. PEM texts or bytes, not paths. */
export interface TlsOptions {
  /** The authorities to trust, instead of those that come with Node. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** Our own certificate, with those that lead to its authority behind it: for brokers that want to know who we are. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`. */
  readonly key?: Pem | undefined;
  /** Certificate and key in one, as PKCS#12. */
  readonly pfx?: Uint8Array | undefined;
  /** What `key` or `pfx` is encrypted with. */
  readonly passphrase?: string | undefined;
  /** The name to ask for and to look for in the certificate. Default: the host that the broker advertises. */
  readonly servername?: string | undefined;
  /** Default TLSv1.2, and nothing older is possible. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** `false` takes any certificate of anybody, and emits a `warning` at each connection. Default true, whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Decides whether a certificate that can be trusted is that of `host`, instead of Node's own check: an error when it is not. */
  readonly checkServerIdentity?: ((host: string, certificate: PeerCertificate) => Error | undefined) | undefined;
}

/** Gives the options for the next connection, so that certificates can be replaced while the client runs. */
export type TlsProvider = () => TlsOptions | Promise<TlsOptions>;

const isPem = (value: unknown): value is Pem => (typeof value === 'string' && value !== '') || value instanceof Uint8Array;
const wrong = (text: string): InputError => new InputError(`KafkaClient: ${text}`, { code: 'TIDE_OPTION' });

/** A rule that never shows the value it refuses. */
const hidden = <T>(what: string, accepts: (value: unknown) => value is T): Rule<T, T | undefined, false> =>
  custom<T, T | undefined>(what, undefined, (value, path) => {
    if (accepts(value)) return value;
    throw wrong(`"tls.${path.split(' ').at(-1)}" must be ${what}`);
  });
const pem = hidden('PEM as a string or bytes', isPem);

const rules = {
  ca: hidden('PEM as a string or bytes, or an array of them', (value): value is Pem | readonly Pem[] =>
    Array.isArray(value) ? value.every(isPem) : isPem(value),
  ),
  cert: pem,
  key: pem,
  pfx: hidden('bytes', (value): value is Uint8Array => value instanceof Uint8Array),
  passphrase: hidden('a string', (value): value is string => typeof value === 'string'),
  servername: optional(
    hidden(
      'a host name that is not an IP address',
      (value): value is string => typeof value === 'string' && value !== '' && isIP(value) === 0,
    ),
  ),
  minVersion: oneOf('TLSv1.2', ['TLSv1.2', 'TLSv1.3']),
  rejectUnauthorized: flag(true),
  checkServerIdentity: hidden(
    'a function',
    (value): value is NonNullable<TlsOptions['checkServerIdentity']> => typeof value === 'function',
  ),
};

/** What is kept: neither key nor passphrase. */
type Kept = Pick<Resolved<typeof rules>, 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'>;

interface Checked {
  readonly options: Kept;
  readonly context: SecureContext;
}

/** The `tls` option, checked: what one connection needs of it is given by {@link Tls.toward}. */
export class Tls {
  readonly #next: () => Checked | Promise<Checked>;

  /** @throws KafkaError `TIDE_OPTION` saying what is wrong, and never what the key is. */
  constructor(given: unknown) {
    if (typeof given === 'function') {
      const provider = given as TlsProvider;
      this.#next = async () => {
        try {
          return checked(await provider());
        } catch (error) {
          if (error instanceof InputError) throw error;
          throw new AuthError(`the function given as tls failed: ${asError(error).message}`, {
            cause: error,
            retriable: true,
            persistence: 'no',
          });
        }
      };
      return;
    }
    if (given !== true && (typeof given !== 'object' || given === null))
      throw wrong('"tls" must be true, false, an object, or a function that gives one');
    const fixed = checked(given === true ? {} : given);
    this.#next = () => fixed;
  }

  /** What a connection to this address is made with. @throws KafkaError when a function that gives options fails, or takes too long. */
  async toward(address: Address, clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<TlsDial> {
    const where = formatAddress(address);
    const late = () =>
      new ConnectionError(`connect to ${where}: the function given as tls did not answer in time (connectTimeoutMs)`, {
        persistence: 'no',
        context: { broker: where, reason: 'timeout' },
      });
    return limited(clock, { ms: timeoutMs, signal, late }, async stop => {
      const { options, context } = await orAborted(Promise.resolve(this.#next()), stop);
      return new TlsDial(address.host, options, context);
    });
  }
}

function checked(given: TlsOptions): Checked {
  const options = resolve('KafkaClient tls', rules, given);
  const { servername, rejectUnauthorized, checkServerIdentity } = options;
  if ((options.key === undefined) !== (options.cert === undefined)) throw wrong('"tls" needs both cert and key, or neither');
  const { ca, cert, key, pfx, passphrase, minVersion } = options;
  try {
    return {
      options: { servername, rejectUnauthorized, checkServerIdentity },
      context: createSecureContext(defined({ ca: list(ca), cert: bytes(cert), key: bytes(key), pfx: bytes(pfx), passphrase, minVersion })),
    };
  } catch (error) {
    throw wrong(
      `"tls" cannot be used: ${asError(error).message}; are the PEM texts whole, does the key belong to the certificate, is the passphrase right?`,
    );
  }
}

const bytes = (given: Pem | undefined): string | Buffer | undefined =>
  given === undefined || typeof given === 'string' ? given : Buffer.from(given.buffer, given.byteOffset, given.byteLength);

const list = (given: Pem | readonly Pem[] | undefined): (string | Buffer)[] | undefined =>
  given === undefined ? undefined : (isPem(given) ? [given] : given).flatMap(one => bytes(one) ?? []);

/** Node takes an undefined option for a wrong one here and there. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The TLS side of one attempt to connect. */
export class TlsDial {
  readonly #host: string;
  readonly #options: Kept;
  readonly #context: SecureContext;
  #refusal: Error | undefined;
  #certificate: PeerCertificate | undefined;

  constructor(host: string, options: Kept, context: SecureContext) {
    this.#host = host;
    this.#options = options;
    this.#context = context;
  }

  /** Whether anybody can be at the other end. */
  get unverified(): boolean {
    return !this.#options.rejectUnauthorized;
  }

  /** For `tls.connect`. Never undefined where Node would then decide by the environment. */
  connectOptions(): ConnectionOptions {
    const { servername, rejectUnauthorized, checkServerIdentity: own } = this.#options;
    const name = servername ?? (isIP(this.#host) === 0 ? this.#host : undefined);
    return {
      secureContext: this.#context,
      ...(name === undefined ? {} : { servername: name }),
      rejectUnauthorized,
      checkServerIdentity: (host, certificate) => {
        try {
          const refusal: unknown = (own ?? checkServerIdentity)(servername ?? (host || this.#host), certificate);
          this.#refusal = refusal === undefined || refusal instanceof Error ? refusal : new Error('it gave neither an error nor undefined');
        } catch (error) {
          this.#refusal = asError(error); // Node lets it through to the top, where it ends the process
        }
        return this.#refusal;
      },
    };
  }

  /** Keeps the broker's certificate for {@link explain}: once it is refused, Node does not give it any more. */
  note(certificate: PeerCertificate | null): void {
    this.#certificate ??= certificate?.subject === undefined ? undefined : certificate;
  }

  /** What a handshake that failed on a connection that stood means. */
  explain(cause: NodeJS.ErrnoException, authorizationError: unknown, address: Address): KafkaError {
    const where = formatAddress(address);
    if (!authorizationError && cause !== this.#refusal) return explainAlert(cause, where) ?? handshakeFailed(cause, where);
    const reason = cause.code ?? 'refused';
    const subject = nameOf(this.#certificate);
    const why =
      (this.#options.checkServerIdentity === undefined ? undefined : unlike(cause, this.#refusal)) ??
      this.#meaning(reason) ??
      cause.message;
    return new AuthError(`connect to ${where}: the broker's certificate ${subject === '' ? '' : `(${subject}) `}is refused: ${why}`, {
      cause: plain(cause),
      persistence: 'no',
      context: { broker: where, reason, subject },
    });
  }

  /** What is wrong with the certificate, and what helps. */
  #meaning(code: string): string | undefined {
    const certificate = this.#certificate;
    switch (code) {
      case 'CERT_HAS_EXPIRED':
        return `it, or one it depends on, has expired${certificate === undefined ? '' : ` (this one is valid to ${certificate.valid_to})`}; renew it on the broker`;
      case 'CERT_NOT_YET_VALID':
        return `it is not valid yet${certificate === undefined ? '' : ` (from ${certificate.valid_from} on)`}; is the clock right?`;
      case 'ERR_TLS_CERT_ALTNAME_INVALID':
        return (
          `it is for ${certificate?.subjectaltname ?? 'other names'}, not for ${this.#options.servername ?? this.#host}; ` +
          'use one of its names in brokers and advertised.listeners, or set tls.servername'
        );
      case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      case 'UNABLE_TO_GET_ISSUER_CERT':
      case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      case 'SELF_SIGNED_CERT_IN_CHAIN':
      case 'DEPTH_ZERO_SELF_SIGNED_CERT':
        return 'no authority that is trusted here has issued it; put the certificate of its authority into tls.ca';
      default:
        return undefined;
    }
  }
}

const unlike = (cause: Error, refusal: Error | undefined): string | undefined =>
  cause === refusal ? `checkServerIdentity: ${cause.message}` : undefined;

/** Alerts of a broker that does not take who we are, or wants to know it. */
const certificateAlert =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)|CERTIFICATE_REQUIRED/;

/** What the TLS alert of a broker says of us; undefined for anything else. With TLS 1.3 it may come when the handshake seems to be over. */
export function explainAlert(cause: unknown, where: string): AuthError | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!code.startsWith('ERR_SSL_') || !certificateAlert.test(code)) continue;
    const alert = code
      .replace(/^ERR_SSL_(SSLV3|TLSV1|TLSV13)_(ALERT_)?/, '')
      .toLowerCase()
      .replaceAll('_', ' ');
    return new AuthError(
      `connect to ${where}: the broker refuses us in the TLS handshake: ${alert}; ` +
        'does it demand a client certificate (tls.cert and tls.key), and from an authority that it trusts?',
      { cause: plain(error), persistence: 'no', context: { broker: where, reason: code } },
    );
  }
  return undefined;
}

function handshakeFailed(cause: NodeJS.ErrnoException, where: string): ConnectionError {
  const reason = cause.code ?? 'handshake';
  const cut = reason === 'ECONNRESET' || reason === 'EPIPE';
  const why = cut ? 'the other side closed the connection' : cause.message.replace(/^.*routines:/, '').trim();
  const hint = cut
    ? 'is it a TLS listener, and does it demand a client certificate?'
    : 'is it a TLS listener, and does it speak TLS 1.2 or newer?';
  return new ConnectionError(`connect to ${where}: no TLS handshake: ${why}; ${hint}`, {
    cause: plain(cause),
    retriable: cut,
    persistence: 'no',
    context: { broker: where, reason },
  });
}

/** Node's error without the certificates it carries along. */
const plain = (error: NodeJS.ErrnoException): Error => Object.assign(new Error(error.message), { code: error.code });

/** Whose certificate it is, as short as it can be said. */
function nameOf(certificate: PeerCertificate | undefined): string {
  if (certificate === undefined) return '';
  const { subject } = certificate;
  const parts = Object.entries({ ...subject }).map(([name, value]) => `${name}=${[value].flat().join('+')}`);
  return (parts.join(', ') || (certificate.subjectaltname ?? '')).replace(/\p{Cc}/gu, ' ').slice(0, 200);
}
