import { InputError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { custom, duration, flag, type Given, integer, needed, nested, oneOf, optional, text } from '../base/options.js';
import { retryRules } from '../base/retry.js';
import { type Address, parseAddresses } from '../network/address.js';
import type { Sasl } from '../network/sasl/mechanism.js';
import { type SaslOptions, saslFrom } from '../network/sasl/options.js';
import { Tls, type TlsOptions, type TlsProvider } from '../network/tls.js';
import { apisByKey } from '../protocol/index.js';
import { loggerRule } from './client-log.js';

export const clientRules = {
  /** Where to find the cluster: `host`, `host:port`, `[ipv6]:port`, with commas or as an array. Any broker will do; more survive its loss. Without a port: 9092. Kafka: bootstrap.servers. */
  brokers: needed(custom<string | readonly string[], readonly Address[]>('"host:port", or several', [], parseAddresses)),
  /** Name of this program in the broker's logs, metrics and quotas. Kafka: client.id. */
  clientId: text('tidemark'),
  /** Longest time in ms to connect to one broker: name look-up, TCP and handshake together. `null`: no limit. Kafka: socket.connection.setup.timeout.ms. */
  connectTimeoutMs: duration(10_000, 1, true),
  /** Longest time in ms to wait for one answer. `null`: no limit. Kafka: request.timeout.ms. */
  requestTimeoutMs: duration(30_000, 1, true),
  /** A connection unused for so many ms is closed, before the broker does it. `null`: never. Kafka: connections.max.idle.ms. */
  idleTimeoutMs: duration(540_000, 1, true),
  /** What is known of topics and brokers is asked again when it is older than so many ms. `null`: never. Kafka: metadata.max.age.ms. */
  metadataMaxAgeMs: duration(300_000, 1, true),
  /** Longest answer in bytes that is accepted from a broker. Kafka has no name for it. */
  maxResponseBytes: integer(100 * 1024 * 1024, 1024, 2 ** 31 - 1),
  /** How often, and how far apart, what failed for a passing reason is tried again. Kafka: retries, retry.backoff.ms, retry.backoff.max.ms. */
  retry: nested('KafkaClient', 'retry', retryRules),
  /** Lets the broker create topics that are asked for and do not exist, if it is set up to. Kafka: allow.auto.create.topics. */
  allowAutoTopicCreation: flag(false),
  /** Use only IPv4 (4) or only IPv6 (6) addresses. Default: whichever the name resolves to. */
  ipVersion: optional(oneOf(4, [4, 6])),
  /** TLS: `true` trusts the authorities that come with Node; else {@link TlsOptions}, or a function that gives them for each connection. Kafka: security.protocol, ssl.*. */
  tls: custom<boolean | TlsOptions | TlsProvider, Tls | false>('true, false, an object, or a function that gives one', false, given =>
    given === false ? false : new Tls(given),
  ),
  /** Who we are: {@link SaslOptions}. Nothing but this mechanism is ever tried. Kafka: sasl.mechanism, sasl.jaas.config. */
  sasl: optional(custom<SaslOptions, Sasl | undefined>('an object with a mechanism', undefined, given => saslFrom(given))),
  /** Try the addresses in `brokers` in random order, so that not every client asks the same one. */
  shuffleBrokers: flag(true),
  /** How many errors that passed {@link KafkaClient.nonFatalErrors} keeps, the last ones; 0: none. Kafka has no name for it. */
  maxLoggedErrors: integer(100, 0, 1_000_000),
  /**
   * Told of what the client does, and what is made from it: connections, requests, errors that pass; an object with `debug`, `info`, `warn` and
   * `error`, each called with a message and fields. Beside it the variable `TIDEMARK_DEBUG` in the environment has the same written to stderr.
   * Kafka has no name for it.
   */
  logger: loggerRule,
  /** The highest version to use of an API, by its name: `{ Fetch: 11 }`. For tests and for brokers that claim too much. */
  apiVersions: custom<Readonly<Record<string, number>>, ReadonlyMap<string, number>>(
    'an object of API names and versions, as { Fetch: 11 }',
    new Map(),
    versionCaps,
  ),
};

/** Options of a `KafkaClient`. */
export type KafkaClientOptions = Given<typeof clientRules>;

function versionCaps(given: unknown): ReadonlyMap<string, number> | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const known = new Map([...apisByKey.values()].map(api => [api.name, api]));
  for (const [name, version] of Object.entries(given)) {
    const api = known.get(name);
    if (api === undefined) {
      const guess = nearest(name, known.keys());
      const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
      throw new InputError(`KafkaClient: apiVersions: ${JSON.stringify(name)} is not an API that tidemark uses${hint}`, {
        code: 'TIDE_OPTION',
      });
    }
    const [min, max] = api.versions;
    if (Number.isInteger(version) && version >= min && version <= max) continue;
    throw new InputError(`KafkaClient: apiVersions: ${name} must be a version from ${min} to ${max}, got ${String(version)}`, {
      code: 'TIDE_OPTION',
    });
  }
  return new Map(Object.entries(given as Record<string, number>));
}
