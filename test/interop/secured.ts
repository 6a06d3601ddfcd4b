import type { KafkaClientOptions } from '../../src/client/client-options.js';
import type { ClusterOptions } from '../kafka/cluster.js';
import { TestAuthority } from '../support/certificates.js';

/** Who may come, and how they prove it. Each secret has a word in it that must not be seen anywhere. */
export const alice = { username: 'alice', password: 'alice-canary-secret' };
export const reauthMs = 5000;

const authority = new TestAuthority();
const broker = authority.issue({ name: 'broker', hosts: ['127.0.0.1', 'localhost'] });
const dayMs = 86_400_000;

export const certificates = {
  ca: authority.cert,
  client: authority.issue({ name: 'alice' }),
  stranger: new TestAuthority('somebody else').issue({ name: 'mallory' }),
  expiredClient: authority.issue({ name: 'late', notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) }),
};

const login = (module: string, rest = ''): string => `org.apache.kafka.common.security.${module} required${rest};`;
const jaas = {
  plain: login('plain.PlainLoginModule', ` user_${alice.username}="${alice.password}"`),
  'scram-sha-256': login('scram.ScramLoginModule'),
  'scram-sha-512': login('scram.ScramLoginModule'),
  oauthbearer: login('oauthbearer.OAuthBearerLoginModule', ' unsecuredLoginStringClaim_sub="broker"'),
};

const mechanismsOf = (listener: string, mechanisms: readonly (keyof typeof jaas)[]): Record<string, string> => {
  const prefix = `listener.name.${listener.toLowerCase()}.`;
  return Object.fromEntries([
    [`${prefix}sasl.enabled.mechanisms`, mechanisms.map(name => name.toUpperCase()).join(',')],
    ...mechanisms.map(name => [`${prefix}${name}.sasl.jaas.config`, jaas[name]]),
  ]);
};

const shows = (listener: string, { cert, key }: { cert: string; key: string }): Record<string, string> => ({
  [`listener.name.${listener.toLowerCase()}.ssl.keystore.certificate.chain`]: cert,
  [`listener.name.${listener.toLowerCase()}.ssl.keystore.key`]: key,
});

const all = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const;

/** A broker with a listener for each way to be protected, or badly protected. */
export const securedCluster: ClusterOptions = {
  listeners: {
    SASLPT: 'SASL_PLAINTEXT',
    SASLSSL: 'SASL_SSL',
    ONLYPLAIN: 'SASL_PLAINTEXT',
    REAUTH: 'SASL_PLAINTEXT',
    TLS: 'SSL',
    MTLS: 'SSL',
    EXPIRED: 'SSL',
    WRONGNAME: 'SSL',
  },
  scramUsers: [
    { mechanism: 'SCRAM-SHA-256', name: alice.username, password: alice.password },
    { mechanism: 'SCRAM-SHA-512', name: alice.username, password: alice.password },
  ],
  properties: {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': broker.cert,
    'ssl.keystore.key': broker.key,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': authority.cert,
    'listener.name.mtls.ssl.client.auth': 'required',
    ...mechanismsOf('SASLPT', all),
    ...mechanismsOf('SASLSSL', all),
    ...mechanismsOf('REAUTH', all),
    ...mechanismsOf('ONLYPLAIN', ['plain']),
    ...Object.fromEntries(all.map(name => [`listener.name.reauth.${name}.connections.max.reauth.ms`, reauthMs])),
    ...shows(
      'EXPIRED',
      authority.issue({
        name: 'expired',
        hosts: ['127.0.0.1'],
        notBefore: new Date(Date.now() - 3 * dayMs),
        notAfter: new Date(Date.now() - dayMs),
      }),
    ),
    ...shows('WRONGNAME', authority.issue({ name: 'elsewhere', hosts: ['kafka.example.org', '10.1.2.3'] })),
  },
};

/** The part of it that every release knows: PEM came with 2.7. */
export const oldSecuredCluster: ClusterOptions = {
  listeners: { ONLYPLAIN: 'SASL_PLAINTEXT' },
  properties: mechanismsOf('ONLYPLAIN', ['plain']),
};

/** A token that Kafka's own validator for tests accepts: nobody has signed it. */
export function unsecuredToken(lifeMs = 60_000, now = Date.now()): { value: string; expiresAt: number } {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const claims = { sub: 'alice', canary: 'canary', iat: Math.floor(now / 1000) - 1, exp: Math.floor((now + lifeMs) / 1000) };
  return { value: `${part({ alg: 'none' })}.${part(claims)}.`, expiresAt: claims.exp * 1000 };
}

/** Each mechanism with what is right. */
export const ways = {
  PLAIN: { mechanism: 'PLAIN', ...alice },
  'SCRAM-SHA-256': { mechanism: 'SCRAM-SHA-256', ...alice },
  'SCRAM-SHA-512': { mechanism: 'SCRAM-SHA-512', ...alice },
  OAUTHBEARER: { mechanism: 'OAUTHBEARER', token: () => unsecuredToken() },
} as const satisfies Record<string, KafkaClientOptions['sasl']>;
