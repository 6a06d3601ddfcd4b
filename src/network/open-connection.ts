import { errorNumbers } from '../base/broker-errors.js';
import { Deadline } from '../base/clock.js';
import { traceConnection } from '../base/diagnostics.js';
import { asError, ConnectionError, KafkaError, ProtocolError, TimeoutError, UnsupportedError } from '../base/errors.js';
import { packageVersion } from '../base/version.js';
import { ApiVersions, decodeResponseBody, type ResponseOf } from '../protocol/index.js';
import { type Address, formatAddress } from './address.js';
import { Connection, type ConnectionSettings } from './connection.js';
import type { Decode } from './exchange.js';
import { Session } from './session.js';
import { explainAlert } from './tls.js';
import type { VersionRange } from './versions.js';

const ownSoftware = { clientSoftwareName: 'tidemark', clientSoftwareVersion: packageVersion };

/** A broker that does not know the version asked for says so in version 0, whose body begins with the error code as every other's does. */
const decodeOffer: Decode = (api, version, response) => {
  const refused = response.length >= 6 && response.readInt16BE(4) === errorNumbers.UNSUPPORTED_VERSION;
  return decodeResponseBody(api, refused ? 0 : version, response);
};

/**
 * A connection that is ready for requests: connected, the versions of every API known, authenticated.
 * @throws KafkaError `TIDE_CONNECTION`, `TIDE_AUTH`, `TIDE_PROTOCOL` or `TIDE_UNSUPPORTED` saying what happened and what to check; nothing stays open.
 */
export async function openConnection(address: Address, settings: ConnectionSettings, signal?: AbortSignal): Promise<Connection> {
  const deadline = new Deadline(settings.clock, settings.connectTimeoutMs);
  const connection = new Connection(address, settings);
  const { security } = settings;
  try {
    const tls = await security?.tls?.toward(address, settings.clock, deadline.remainingMs(), signal);
    await connection.dial(address, Math.max(1, Math.ceil(deadline.remainingMs())), signal, tls);
    if (tls?.unverified) security?.warnUnverified(connection.broker);
    connection.offer(await negotiate(connection, deadline, signal));
    if (security?.sasl !== undefined) await new Session(connection, address, settings, security, security.sasl).begin(deadline, signal);
  } catch (error) {
    connection.close(asError(error));
    const explained = signal?.aborted && error === signal.reason ? error : explain(error, address, settings);
    traceConnection({ kind: 'failed', broker: connection.broker, error: asError(explained) });
    throw explained;
  }
  traceConnection({ kind: 'opened', broker: connection.broker, error: undefined });
  return connection;
}

/** KIP-511: asks in our newest version; a broker that does not know it answers in version 0, and is asked again in that. */
async function negotiate(
  connection: Connection,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, VersionRange>> {
  const ask = (version: number): Promise<ResponseOf<typeof ApiVersions>> =>
    connection.requestAs(ApiVersions, version, ownSoftware, { timeoutMs: Math.max(1, deadline.remainingMs()), signal }, decodeOffer);
  let answer = await ask(ApiVersions.versions[1]);
  if (answer.errorCode === errorNumbers.UNSUPPORTED_VERSION) answer = await ask(0);
  if (answer.errorCode !== 0 || answer.apiKeys.length === 0) {
    throw new UnsupportedError(
      `ApiVersions: broker ${connection.broker} answered error ${answer.errorCode} and ${answer.apiKeys.length} APIs`,
      {
        context: { broker: connection.broker, errorCode: answer.errorCode },
      },
    );
  }
  return new Map(answer.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]));
}

/** Says of a failed handshake what it most often means. */
function explain(error: unknown, address: Address, settings: ConnectionSettings): unknown {
  const broker = formatAddress(address);
  const context = { broker };
  const secured = settings.security?.tls !== undefined;
  const alert = explainAlert(error, broker);
  if (alert !== undefined) return alert;
  if (error instanceof TimeoutError) {
    return new ConnectionError(
      `connect to ${broker}: connected, but no answer to ApiVersions within ${settings.connectTimeoutMs} ms (connectTimeoutMs); is it a Kafka listener${secured ? '' : ', and without TLS'}?`,
      { cause: error, persistence: 'no', context: { ...context, reason: 'timeout' } },
    );
  }
  if (error instanceof ProtocolError) {
    return new ProtocolError(`connect to ${broker}: ${(error.cause instanceof KafkaError ? error.cause : error).message}`, {
      cause: error,
      retriable: error.retriable,
      persistence: 'no',
      errno: error.errno,
      context: { ...error.context, ...context },
    });
  }
  if (error instanceof ConnectionError && error.context['api'] !== undefined) {
    return new ConnectionError(
      `connect to ${broker}: the other side closed the connection during the handshake; is it a Kafka listener, and ${secured ? 'does it demand a client certificate (tls.cert and tls.key)' : 'without TLS or SASL'}?`,
      { cause: error, persistence: 'no', context: { ...context, reason: 'handshake' } },
    );
  }
  return error;
}
