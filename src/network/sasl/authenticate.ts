import { brokerErrorRow, errorNumbers } from '../../base/broker-errors.js';
import { AuthError, asError, ConnectionError, KafkaError, ProtocolError, TimeoutError, UnsupportedError } from '../../base/errors.js';
import { withoutSecrets } from '../../base/secret.js';
import { orAborted } from '../../base/wait.js';
import { decodeResponseBody, SaslAuthenticate, SaslHandshake } from '../../protocol/index.js';
import type { Connection } from '../connection.js';
import { chooseVersion } from '../versions.js';
import type { Sasl, SaslExchange, SaslReport } from './mechanism.js';

/** The longest message a broker may send in an exchange: those of all mechanisms known here are below 1 KiB, tickets of Kerberos below 64. */
const maxChallengeBytes = 64 * 1024;
/** The version of SaslHandshake from which on the exchange is made of SaslAuthenticate requests. */
const framed = 1;
/** An exchange that takes more steps will not end. */
const maxSteps = 20;
/** The longest piece of a broker's own words in an error. */
const maxQuote = 500;

/**
 * Authenticates a connection by an exchange that was begun for it; gives for how many ms the broker takes it, Infinity without an end.
 * @throws KafkaError `TIDE_AUTH` when either side does not accept the other, `TIDE_UNSUPPORTED`, `TIDE_CONNECTION`, `TIDE_PROTOCOL`.
 */
export async function authenticate(
  connection: Connection,
  { mechanism }: Pick<Sasl, 'mechanism'>,
  exchange: SaslExchange & SaslReport,
  { remainingMs, signal }: { readonly remainingMs: () => number; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  const { broker } = connection;
  const what = `authenticate to ${broker} with ${mechanism}${exchange.user === undefined ? '' : ` as ${JSON.stringify(exchange.user)}`}`;
  const context = { broker, mechanism };
  const refuse = (why: string, detail: { cause?: unknown; errno?: number } = {}) =>
    new AuthError(`${what}: ${why}`, { persistence: 'no', context, ...detail });
  const quoted = (text: string) => printable(withoutSecrets(text, exchange.secrets)).slice(0, maxQuote);

  await named();
  let message: Uint8Array | undefined = exchange.first;
  for (let steps = 0; ; steps++) {
    if (steps === maxSteps) throw refuse(`no end after ${maxSteps} steps`);
    const answer = await ask(message);
    if (answer.authBytes.length > maxChallengeBytes)
      throw new ProtocolError(
        `${what}: the broker's message has ${answer.authBytes.length} bytes, at most ${maxChallengeBytes} are accepted`,
        {
          context,
        },
      );
    message = await next(answer.authBytes);
    if (message === undefined) return answer.sessionLifetimeMs > 0 ? answer.sessionLifetimeMs : Number.POSITIVE_INFINITY;
  }

  /** Names the mechanism; nothing else is ever tried. */
  async function named(): Promise<void> {
    const offered = connection.offered(SaslHandshake);
    if (offered === undefined || offered.max < framed) {
      throw new UnsupportedError(
        `${what}: SASL needs Kafka 1.0 or newer (SaslHandshake v1), and this broker is older, or of another kind`,
        {
          persistence: 'no',
          context,
        },
      );
    }
    const answer = await connection.requestAs(SaslHandshake, framed, { mechanism }, limits(), decodeResponseBody);
    if (answer.errorCode === 0) return;
    if (answer.errorCode === errorNumbers.UNSUPPORTED_SASL_MECHANISM) {
      const theirs = answer.mechanisms.slice(0, 20).map(name => quoted(name).slice(0, 40));
      throw refuse(`the broker offers ${theirs.join(', ') || 'no mechanism'}, and the client is set up for ${mechanism} only`, {
        errno: answer.errorCode,
      });
    }
    const hint = answer.errorCode === errorNumbers.ILLEGAL_SASL_STATE ? '; this listener takes no SASL: is it the right port?' : '';
    throw refuse(`the broker refused the mechanism: ${brokerErrorRow(answer.errorCode).name}${hint}`, { errno: answer.errorCode });
  }

  async function ask(authBytes: Uint8Array) {
    const offered = connection.offered(SaslAuthenticate);
    const version = chooseVersion(SaslAuthenticate, new Map(offered === undefined ? [] : [[SaslAuthenticate.key, offered]]), broker);
    const answer = await connection.requestAs(SaslAuthenticate, version, { authBytes }, limits(), decodeResponseBody);
    if (answer.errorCode === 0) return answer;
    const said = answer.errorMessage ? quoted(answer.errorMessage) : brokerErrorRow(answer.errorCode).name;
    const complaint = exchange.complaint === undefined ? '' : ` (${quoted(exchange.complaint)})`;
    throw refuse(`the broker refused: ${said}${complaint}; check the credentials, and that the broker knows them`, {
      errno: answer.errorCode,
    });
  }

  async function next(challenge: Buffer): Promise<Uint8Array | undefined> {
    try {
      return await orAborted((async () => exchange.step(challenge))(), signal); // it may be the user's, and never answer
    } catch (error) {
      if (signal?.aborted) throw error;
      throw refuse(quoted(asError(error).message), { cause: error instanceof KafkaError ? undefined : error });
    }
  }

  function limits() {
    return { timeoutMs: Math.max(1, remainingMs()), signal };
  }
}

/** What was meant for a person, without what could move a cursor. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();

/** Says of an exchange that was cut short what it most often means; everything else as it is. */
export function explainAuthentication(error: unknown, broker: string, mechanism: string, timeoutMs: number): unknown {
  const detail = { cause: error, persistence: 'no', context: { broker, mechanism } } as const;
  if (error instanceof TimeoutError)
    return new ConnectionError(
      `authenticate to ${broker} with ${mechanism}: not done within ${Math.round(timeoutMs)} ms (connectTimeoutMs)`,
      detail,
    );
  if (error instanceof ConnectionError)
    return new ConnectionError(`authenticate to ${broker} with ${mechanism}: the other side closed the connection meanwhile`, detail);
  return error;
}
