import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from '../../../src/base/secret.js';
import { coreOf } from '../../../src/client/client.js';
import { KafkaClient, type KafkaClientOptions, KeyedProducer, SimpleConsumer } from '../../../src/index.js';
import { TestAuthority } from '../../support/certificates.js';
import { type Script, ScriptedBroker } from './scripted-broker.js';

const secret = 'canary-7f3a91';
const { cert, key } = new TestAuthority().issue({ name: 'me' });
/** A line of the private key that no certificate has. */
const keyLine = key.split('\n')[1] ?? '';
const signs = [secret, Buffer.from(secret).toString('base64').slice(0, 12), Buffer.from(secret).toString('hex'), keyLine];
const channels = ['tidemark:request', 'tidemark:connection', 'tidemark:warning'];

const shown = (thing: unknown): string =>
  `${inspect(thing, { depth: 9, showHidden: true, maxStringLength: null, maxArrayLength: null })} ${JSON.stringify(thing)} ${String(thing)}`;

function assertHidden(where: string, things: readonly unknown[]): void {
  for (const thing of things)
    for (const sign of signs) assert.ok(!shown(thing).includes(sign), `${where} tells ${sign}: ${shown(thing).slice(0, 300)}`);
}

/** Everything that a client shows while it connects, works or fails, and is looked at from all sides. */
async function watched(t: TestContext, script: Script, options: Partial<KafkaClientOptions>): Promise<void> {
  const broker = await ScriptedBroker.start(t, script);
  const told: unknown[] = [];
  const listen = (message: unknown) => told.push(message);
  for (const name of channels) subscribe(name, listen);
  const client = new KafkaClient({ brokers: broker.address, retry: { attempts: 2, backoffMs: 5 }, connectTimeoutMs: 500, ...options });
  t.after(async () => {
    await client.close();
    for (const name of channels) unsubscribe(name, listen);
  });
  for (const event of ['connection', 'metadata', 'warning'] as const) client.on(event, detail => told.push(detail));
  const producer = new KeyedProducer(client);
  const consumer = new SimpleConsumer(client, { topic: 'orders' });
  const outcomes = await Promise.allSettled([client.connect(), client.metadata(), consumer.getMessages(1, { timeoutMs: 10 })]);
  const errors = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []));
  for (let cause = errors[0]?.cause; cause !== undefined; cause = cause.cause) errors.push(cause);
  assert.ok(told.length > 0 && (broker.attempts > 0 || options.tls), 'something happened');
  assertHidden('an event', told);
  assertHidden(
    'an error',
    errors.flatMap(error => [error, error.message, error.stack, { ...error }]),
  );
  const core = coreOf(client);
  assertHidden('the client', [client, producer, consumer, core, core.cluster, core.cluster.settings, core.cluster.settings.security]);
}

const refused = () => ({ errorCode: 58, errorMessage: `"${secret}" is wrong`, authBytes: Buffer.from(secret) });
const complaining = (_: Buffer, { step }: { step: number }) =>
  step === 0 ? { authBytes: Buffer.from(JSON.stringify({ status: `invalid ${secret}` })) } : { errorCode: 58, errorMessage: secret };
const login = { username: 'alice', password: secret };

for (const [name, script, sasl] of [
  ['PLAIN, accepted', {}, { mechanism: 'PLAIN', ...login }],
  ['PLAIN, refused', { answer: refused }, { mechanism: 'PLAIN', ...login }],
  ['PLAIN by a function, refused', { answer: refused }, { mechanism: 'PLAIN', credentials: async () => login }],
  ['PLAIN, answered strangely', { answer: () => ({ authBytes: Buffer.from(secret) }) }, { mechanism: 'PLAIN', ...login }],
  ['PLAIN, cut off', { answer: () => 'close' }, { mechanism: 'PLAIN', ...login }],
  ['SCRAM, refused', { answer: refused }, { mechanism: 'SCRAM-SHA-256', ...login }],
  ['SCRAM, refused in words', { answer: () => ({ authBytes: Buffer.from(`e=${secret}`) }) }, { mechanism: 'SCRAM-SHA-512', ...login }],
  ['OAUTHBEARER, accepted', {}, { mechanism: 'OAUTHBEARER', token: secret }],
  [
    'OAUTHBEARER by a function, accepted',
    {},
    { mechanism: 'OAUTHBEARER', token: () => ({ value: secret, expiresAt: Date.now() + 60_000 }) },
  ],
  ['OAUTHBEARER, refused', { answer: complaining }, { mechanism: 'OAUTHBEARER', token: secret }],
  [
    'OAUTHBEARER, an extension',
    { answer: complaining },
    { mechanism: 'OAUTHBEARER', token: async () => ({ value: 'x', extensions: { a: secret } }) },
  ],
  ['a mechanism that is not offered', { mechanisms: ['GSSAPI'] }, { mechanism: 'PLAIN', ...login }],
] as const satisfies readonly (readonly [string, Script, KafkaClientOptions['sasl']])[]) {
  test(`a secret is not to be seen anywhere: ${name}`, t => watched(t, script, { sasl }));
}

test('a secret is not to be seen anywhere: the key of a certificate', async t => {
  const tls = { cert, key, passphrase: secret };
  await watched(t, {}, { tls });
  await watched(t, {}, { tls: () => tls });
});

test('options that are wrong are refused without being shown', () => {
  const wrong: readonly unknown[] = [
    { sasl: secret },
    { sasl: { mechanism: 'PLAIN', username: 'u', password: [secret] } },
    { sasl: { mechanism: 'PLAIN', username: 'u', password: `${secret}\0` } },
    { sasl: { mechanism: 'PLAIN', username: { secret }, password: secret } },
    { sasl: { mechanism: 'PLAIN', password: secret } },
    { sasl: { mechanism: 'PLAIN', ...login, credentials: secret } },
    { sasl: { mechanism: 'PLAIN', ...login, credentials: () => login } },
    { sasl: { mechanism: 'SCRAM-SHA-256', username: 'u', password: `${secret}\u0007` } },
    { sasl: { mechanism: 'OAUTHBEARER', token: `${secret} ${secret}` } },
    { sasl: { mechanism: 'OAUTHBEARER', token: { value: secret } } },
    { sasl: { mechanism: 'OAUTHBEARER', ...login } },
    { sasl: { mechanism: 'scram-sha-256', ...login } },
    { sasl: { ...login } },
    { sasl: { mechanism: 'OWN', start: secret } },
    { tls: secret },
    { tls: { key: [secret], cert } },
    { tls: { key } },
    { tls: { key: secret, cert } },
    { tls: { key: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`, cert } },
    { tls: { pfx: Buffer.from(secret), passphrase: secret } },
    { tls: { pfx: secret } },
    { tls: { passphrase: Buffer.from(secret) } },
    { tls: { servername: '127.0.0.1' } },
    { tls: { minVersion: 'TLSv1.1' } },
    { tls: { rejectUnauthorised: false } },
  ];
  for (const options of wrong) {
    assert.throws(
      () => new KafkaClient({ brokers: 'a', ...(options as object) }),
      (error: unknown) => {
        assertHidden('the refusal', [error]);
        assert.ok(error instanceof Error && 'code' in error && error.code === 'TIDE_OPTION', `${inspect(options)}: ${inspect(error)}`);
        return true;
      },
      inspect(options),
    );
  }
});

test('a Secret gives itself to reveal() alone', () => {
  const held = new Secret(secret);
  assert.equal(held.reveal(), secret);
  assertHidden('it', [held, { held }, [held], `${held}`, new Map([['a', held]])]);
  assert.equal(JSON.stringify({ held }), '{"held":"[redacted]"}');
});
