import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { clusterTest, type KafkaCluster, uniqueName } from '../kafka/kafka.js';
import { assertSeamless, reauthenticated } from './reauth.js';
import { alice, certificates, oldSecuredCluster, securedCluster, unsecuredToken, ways } from './secured.js';

const { ca, client: own, stranger, expiredClient } = certificates;

clusterTest(
  'every mechanism over plain and TLS, right and wrong; certificates; sessions that are renewed under load',
  async (t, kafka) => {
    const topic = await kafka.createTopic({ partitions: 3 });
    await mechanisms(t, kafka, topic);
    await tls(t, kafka, topic);
    await t.test('a password that is changed and changed back: producers and consumers are told, and go on by themselves afterwards', () =>
      changedPassword(kafka, topic),
    );
    await t.test('12 s of traffic through sessions of 5 s, with each mechanism: no request fails, order is kept', async () => {
      assertSeamless(await reauthenticated(kafka, 12_000), 2);
    });
  },
  { ...securedCluster, timeoutMs: 180_000 },
);

clusterTest(
  'PLAIN on a broker of the time before sessions ended',
  async (_, kafka) => {
    const topic = await kafka.createTopic();
    const where = { brokers: kafka.bootstrapOf('ONLYPLAIN') };
    await works({ ...where, sasl: ways.PLAIN }, topic);
    const error = await refusal({ ...where, sasl: { ...ways.PLAIN, password: 'wrong-canary' } });
    assert.deepEqual([error.code, error.errno], ['TIDE_AUTH', 58]);
  },
  { ...oldSecuredCluster, version: '1.1.1' },
);

/** Produces and reads one message. */
async function works(options: KafkaClientOptions, topic: string): Promise<void> {
  await using client = new KafkaClient(options);
  const value = uniqueName('value');
  const { partition, offset } = await new KeyedProducer(client).send({ topic, key: 'k', value });
  const consumer = new SimpleConsumer(client, { topic, partitions: [partition] });
  await consumer.seek(offset);
  assert.equal((await consumer.getMessages(1, { timeoutMs: 5000 }))[0]?.value?.toString(), value);
}

/** What connecting fails with: once, and without telling a secret. */
async function refusal(options: KafkaClientOptions): Promise<KafkaError> {
  await using client = new KafkaClient(options);
  const failed: Error[] = [];
  client.on('connection', ({ kind, error }) => {
    if (kind === 'failed' && error !== undefined) failed.push(error);
  });
  const error = await client.connect().then(
    () => assert.fail('it must fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KafkaError, String(error));
  assert.equal(failed.length, 1, 'one attempt');
  assert.doesNotMatch(JSON.stringify([error, error.message, error.context, error.stack]), /canary|BEGIN/);
  return error;
}

async function mechanisms(t: TestContext, kafka: KafkaCluster, topic: string): Promise<void> {
  const listeners = { plain: { brokers: kafka.bootstrapOf('SASLPT') }, TLS: { brokers: kafka.bootstrapOf('SASLSSL'), tls: { ca } } };
  for (const [over, where] of Object.entries(listeners)) {
    for (const [mechanism, sasl] of Object.entries(ways)) {
      await t.test(`${mechanism} over ${over}`, () => works({ ...where, sasl }, topic));
    }
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
      await t.test(`${mechanism} over ${over} with a wrong password, and as nobody`, async () => {
        for (const wrong of [{ password: 'wrong-canary' }, { username: 'nobody' }]) {
          const error = await refusal({ ...where, sasl: { mechanism, ...alice, ...wrong } });
          assert.deepEqual([error.code, error.errno, error.retriable, error.persistence], ['TIDE_AUTH', 58, false, 'no']);
          assert.match(
            error.message,
            new RegExp(`^authenticate to 127\\.0\\.0\\.1:\\d+ with ${mechanism} as "(alice|nobody)": the broker refused: `),
          );
        }
      });
    }
    await t.test(`OAUTHBEARER over ${over} with a token that has expired: the broker's reason is told`, async () => {
      const { value } = unsecuredToken(1000, Date.now() - 3_600_000);
      const error = await refusal({ ...where, sasl: { mechanism: 'OAUTHBEARER', token: value } });
      assert.deepEqual([error.code, error.errno], ['TIDE_AUTH', 58]);
      assert.match(error.message, /status invalid_token/);
    });
  }
  const { brokers } = listeners.plain;
  await t.test('credentials and mechanisms of the user: a provider, and PLAIN written by hand', async () => {
    await works({ brokers, sasl: { mechanism: 'SCRAM-SHA-256', credentials: async () => alice } }, topic);
    const byHand = {
      mechanism: 'PLAIN',
      start: () => ({ first: Buffer.from(`\0${alice.username}\0${alice.password}`), step: () => undefined }),
    };
    await works({ brokers, sasl: byHand }, topic);
  });
  await t.test('an authzid is that of the user, or refused', async () => {
    await works({ brokers, sasl: { ...ways.PLAIN, authzid: 'alice' } }, topic);
    await works({ brokers, sasl: { ...ways['SCRAM-SHA-512'], authzid: 'alice' } }, topic);
    assert.equal((await refusal({ brokers, sasl: { ...ways.PLAIN, authzid: 'admin' } })).code, 'TIDE_AUTH');
    assert.equal((await refusal({ brokers, sasl: { ...ways['SCRAM-SHA-256'], authzid: 'admin' } })).code, 'TIDE_AUTH');
  });
  await t.test('a mechanism the broker does not offer: both are named, and nothing weaker is tried', async () => {
    const error = await refusal({ brokers: kafka.bootstrapOf('ONLYPLAIN'), sasl: ways['SCRAM-SHA-512'] });
    assert.deepEqual([error.code, error.errno], ['TIDE_AUTH', 33]);
    assert.match(error.message, /the broker offers PLAIN, and the client is set up for SCRAM-SHA-512 only/);
  });
  await t.test('no SASL at a listener that demands it', async () => {
    await using client = new KafkaClient({ brokers, retry: { attempts: 1 } });
    await assert.rejects(client.connect(), /the other side closed it at the first request; does this listener demand SASL\?/);
  });
  await t.test('SASL at a listener that takes none', async () => {
    const error = await refusal({ brokers: kafka.bootstrap, sasl: ways.PLAIN });
    assert.deepEqual([error.code, error.errno], ['TIDE_AUTH', 34]);
    assert.match(error.message, /this listener takes no SASL: is it the right port\?/);
  });
}

async function tls(t: TestContext, kafka: KafkaCluster, topic: string): Promise<void> {
  const [at, mutual, expired, wrongName] = ['TLS', 'MTLS', 'EXPIRED', 'WRONGNAME'].map(name => kafka.bootstrapOf(name));
  const brokers = at ?? [];
  await t.test('TLS with the authority of the cluster, TLS 1.2 and 1.3, by function', async () => {
    await works({ brokers, tls: { ca } }, topic);
    await works({ brokers, tls: { ca: [Buffer.from(ca)], minVersion: 'TLSv1.3' } }, topic);
    await works({ brokers, tls: async () => ({ ca }) }, topic);
  });
  await t.test('an authority nobody trusts', async () => {
    for (const options of [true, { ca: stranger.cert }] as const) {
      const error = await refusal({ brokers, tls: options });
      assert.deepEqual([error.code, error.retriable, error.persistence, error.context['subject']], ['TIDE_AUTH', false, 'no', 'CN=broker']);
      assert.match(
        error.message,
        /the broker's certificate \(CN=broker\) is refused: no authority that is trusted here has issued it; .* tls\.ca/,
      );
    }
  });
  await t.test('a certificate that has expired', async () => {
    const error = await refusal({ brokers: expired ?? [], tls: { ca } });
    assert.deepEqual([error.code, error.context['reason'], error.context['subject']], ['TIDE_AUTH', 'CERT_HAS_EXPIRED', 'CN=expired']);
    assert.match(error.message, /has expired \(this one is valid to .*\); renew it on the broker/);
  });
  await t.test('a certificate for another name; servername says which to look for', async () => {
    const error = await refusal({ brokers: wrongName ?? [], tls: { ca } });
    assert.deepEqual(
      [error.code, error.context['reason'], error.context['subject']],
      ['TIDE_AUTH', 'ERR_TLS_CERT_ALTNAME_INVALID', 'CN=elsewhere'],
    );
    assert.match(error.message, /it is for DNS:kafka\.example\.org, IP Address:10\.1\.2\.3, not for 127\.0\.0\.1; .*tls\.servername/);
    await works({ brokers: wrongName ?? [], tls: { ca, servername: 'kafka.example.org' } }, topic);
    assert.equal((await refusal({ brokers: wrongName ?? [], tls: { ca, servername: 'kafka.example.com' } })).code, 'TIDE_AUTH');
  });
  await t.test('rejectUnauthorized: false takes them all, and says so each time', async () => {
    for (const where of [brokers, expired ?? [], wrongName ?? []]) {
      await using client = new KafkaClient({ brokers: where, tls: { rejectUnauthorized: false } });
      const warnings: string[] = [];
      client.on('warning', ({ kind }) => warnings.push(kind));
      const opened: string[] = [];
      client.on('connection', ({ kind }) => (kind === 'opened' ? opened.push(kind) : undefined));
      await new KeyedProducer(client).send({ topic, key: 'k', value: 'v' });
      assert.ok(opened.length > 0);
      assert.deepEqual(
        warnings,
        opened.map(() => 'unverified'),
      );
    }
  });
  await t.test("a broker that wants to know who we are: our certificate, none, a stranger's, an expired one", async () => {
    const where = mutual ?? [];
    await works({ brokers: where, tls: { ca, cert: own.cert, key: own.key } }, topic);
    await works({ brokers: where, tls: { ca, cert: own.cert, key: own.key, minVersion: 'TLSv1.3' } }, topic);
    for (const given of [{}, { cert: stranger.cert, key: stranger.key }, { cert: expiredClient.cert, key: expiredClient.key }]) {
      const error = await refusal({ brokers: where, tls: { ca, ...given } });
      assert.deepEqual([error.code, error.retriable, error.persistence], ['TIDE_AUTH', false, 'no'], error.message);
      assert.match(error.message, /the broker refuses us in the TLS handshake: .*; does it demand a client certificate/);
    }
  });
}

async function changedPassword(kafka: KafkaCluster, topic: string): Promise<void> {
  let { password } = alice;
  const [address = ''] = kafka.bootstrapOf('SASLPT');
  const sasl = { mechanism: 'SCRAM-SHA-256', credentials: async () => ({ username: alice.username, password }) } as const;
  await using client = new KafkaClient({ brokers: address, sasl });
  const attempts = { failed: 0, opened: 0, closed: 0 };
  client.on('connection', ({ kind }) => {
    attempts[kind] += 1;
  });
  const producer = new KeyedProducer(client);
  const { partition, offset } = await producer.send({ topic, key: 'k', value: 'before' });
  const consumer = new SimpleConsumer(client, { topic, partitions: [partition] });
  await consumer.seek(offset);
  const read = async () => (await consumer.getMessages(1, { timeoutMs: 200 }))[0]?.value?.toString();
  assert.equal(await read(), 'before');

  password = 'wrong-canary';
  client.disconnect(address);
  const told = async (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => (error instanceof KafkaError ? [error.code, error.persistence] : error),
    );
  let outcome: unknown;
  do outcome = await told(read());
  while (outcome === undefined);
  assert.deepEqual(outcome, ['TIDE_AUTH', 'no']);
  for (let i = 0; i < 10; i++) assert.deepEqual(await told(producer.send({ topic, key: 'k', value: 'lost' })), ['TIDE_AUTH', 'no']);
  assert.ok(attempts.failed <= 2, `${attempts.failed} attempts while the password was wrong`);

  password = alice.password;
  const until = performance.now() + 10_000;
  const again = async <T>(act: () => Promise<T | undefined>): Promise<T | undefined> => {
    for (;;) {
      const result = await act().catch(() => undefined);
      if (result !== undefined || performance.now() > until) return result;
      await delay(50);
    }
  };
  assert.ok(await again(() => producer.send({ topic, key: 'k', value: 'after' })));
  const next = await again(read);
  assert.equal(next, 'after');
}
