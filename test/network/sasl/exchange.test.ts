import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AuthError } from '../../../src/base/errors.js';
import { deferred } from '../../../src/base/wait.js';
import { KafkaClient } from '../../../src/client/client.js';
import type { KafkaClientOptions } from '../../../src/client/client-options.js';
import { rejection } from '../../support/rejection.js';
import { type Script, ScriptedBroker } from './scripted-broker.js';

const alice = { username: 'alice', password: 'canary-secret' };
const byPlain = { mechanism: 'PLAIN', ...alice } as const;
const byScram = { mechanism: 'SCRAM-SHA-256', ...alice } as const;

async function setting(t: TestContext, script: Script, options: Partial<KafkaClientOptions>) {
  const broker = await ScriptedBroker.start(t, script);
  const client = new KafkaClient({ brokers: broker.address, retry: { attempts: 3, backoffMs: 5, maxBackoffMs: 20 }, ...options });
  t.after(() => client.close());
  return { broker, client };
}

test('a connection says which versions, then who it is, then what it wants', async t => {
  const { broker, client } = await setting(t, {}, { sasl: byPlain });
  await client.connect();
  assert.deepEqual(broker.connections, [['ApiVersions', 'SaslHandshake PLAIN', 'SaslAuthenticate', 'Metadata']]);
  assert.equal(broker.said[0]?.toString(), '\0alice\0canary-secret');
});

test("a refusal: one attempt, Kafka's number, the broker's words without our secret or control characters", async t => {
  const answer = () => ({ errorCode: 58, errorMessage: 'no \u001b[31mcanary-secret\u0007 for you' });
  const { broker, client } = await setting(t, { answer }, { sasl: byPlain });
  const error = await rejection(client.connect());
  assert.ok(error instanceof AuthError);
  assert.deepEqual([error.code, error.errno, error.retriable, error.persistence], ['TIDE_AUTH', 58, false, 'no']);
  assert.match(
    error.message,
    /^authenticate to 127\.0\.0\.1:\d+ with PLAIN as "alice": the broker refused: no \[31m\[redacted\] for you; check the credentials/,
  );
  assert.equal(broker.attempts, 1);
});

test('what the broker offers besides is never used', async t => {
  const { broker, client } = await setting(t, { mechanisms: ['PLAIN', 'OAUTHBEARER'] }, { sasl: byScram });
  const error = await rejection(client.connect());
  assert.deepEqual([error.code, error.errno], ['TIDE_AUTH', 33]);
  assert.match(error.message, /offers PLAIN, OAUTHBEARER, and the client is set up for SCRAM-SHA-256 only/);
  assert.deepEqual(broker.connections, [['ApiVersions', 'SaslHandshake SCRAM-SHA-256']]);
  assert.deepEqual(broker.said, []);
});

for (const handshake of [[0, 0], undefined] as const) {
  test(`a broker with ${handshake === undefined ? 'no SASL' : 'SASL of the time before 1.0'}: said to be too old, and nothing is told to it`, async t => {
    const { broker, client } = await setting(t, { handshake }, { sasl: byPlain });
    const error = await rejection(client.connect());
    assert.equal(error.code, 'TIDE_UNSUPPORTED');
    assert.match(error.message, /SASL needs Kafka 1\.0 or newer/);
    assert.deepEqual(broker.said, []);
  });
}

const clientNonce = (said: Buffer): string => /r=([^,]*)$/.exec(said.toString())?.[1] ?? '';
const first = (said: Buffer, rest = `s=c2FsdA==,i=4096`): Buffer => Buffer.from(`r=${clientNonce(said)}more,${rest}`);

for (const [what, answer, code, why] of [
  [
    'a first message of 10 MB',
    () => ({ authBytes: Buffer.alloc(10_000_000, 'a') }),
    'TIDE_PROTOCOL',
    /declares 100000\d\d bytes, expected 4 to 131072 \(as long as nobody is authenticated\)/,
  ],
  ['a first message of 65 KiB', () => ({ authBytes: Buffer.alloc(65 * 1024, 'a') }), 'TIDE_PROTOCOL', /has 66560 bytes, at most 65536/],
  ['noise', () => ({ authBytes: Buffer.from([0xff, 0x00, 0xfe]) }), 'TIDE_AUTH', /malformed/],
  ['success at once', () => ({}), 'TIDE_AUTH', /malformed/],
  ['one iteration', (said: Buffer) => ({ authBytes: first(said, 's=c2FsdA==,i=1') }), 'TIDE_AUTH', /1 SCRAM iterations/],
  ['2^31 iterations', (said: Buffer) => ({ authBytes: first(said, 's=c2FsdA==,i=2147483648') }), 'TIDE_AUTH', /would take too long/],
  ['the nonce of somebody else', () => ({ authBytes: Buffer.from('r=abc,s=c2FsdA==,i=4096') }), 'TIDE_AUTH', /nonce/],
  [
    'an impostor',
    (said: Buffer, { step }: { step: number }) => ({ authBytes: step === 0 ? first(said) : Buffer.from(`v=${'A'.repeat(43)}=`) }),
    'TIDE_AUTH',
    /may be an impostor/,
  ],
  [
    'success without a signature',
    (said: Buffer, { step }: { step: number }) => (step === 0 ? { authBytes: first(said) } : {}),
    'TIDE_AUTH',
    /malformed/,
  ],
  [
    'e=',
    (said: Buffer, { step }: { step: number }) => ({ authBytes: step === 0 ? first(said) : Buffer.from('e=other-error') }),
    'TIDE_AUTH',
    /refused: other-error/,
  ],
] as const) {
  test(`SCRAM with a hostile broker: ${what}`, async t => {
    const { broker, client } = await setting(t, { answer }, { sasl: byScram });
    const error = await rejection(client.connect());
    assert.deepEqual([error.code, error.retriable], [code, false]);
    assert.match(error.message, why);
    assert.ok(!broker.connections.flat().includes('Metadata'));
    assert.ok(!broker.said.some(bytes => bytes.includes(alice.password)), 'the password is never said');
  });
}

test('after it, answers may be long', async t => {
  const { client } = await setting(t, { rackBytes: 30_000 }, { sasl: byPlain });
  assert.equal((await client.metadata()).brokers.get(1)?.rack?.length, 30_000); // ten times in one answer
});

test('an exchange of a mechanism that never ends is ended', async t => {
  const own = { mechanism: 'OWN', start: () => ({ first: Buffer.from('a'), step: () => Buffer.from('more') }) };
  const { broker, client } = await setting(t, {}, { sasl: own });
  assert.match((await rejection(client.connect())).message, /no end after 20 steps/);
  assert.equal(broker.said.length, 20);
});

test("a mechanism of the user's own: it is told where it goes, is asked step by step, and what it throws is the reason", async t => {
  const told: unknown[] = [];
  const own = {
    mechanism: 'OWN',
    start: ({ host, port }: { host: string; port: number }) => {
      told.push([host, port]);
      const left = ['two', 'three'];
      return {
        first: Buffer.from('one'),
        step: async (challenge: Buffer) => {
          if (challenge.toString() === 'no') throw new Error('not this one');
          const next = left.shift();
          return next === undefined ? undefined : Buffer.from(next);
        },
      };
    },
  };
  const script = { answer: (_: Buffer, { attempt }: { attempt: number }) => ({ authBytes: Buffer.from(attempt === 1 ? 'yes' : 'no') }) };
  const { broker, client } = await setting(t, script, { sasl: own });
  await client.connect();
  assert.deepEqual(broker.said.map(String), ['one', 'two', 'three']);
  assert.deepEqual(told, [['127.0.0.1', Number(broker.address.split(':')[1])]]);
  const other = new KafkaClient({ brokers: broker.address, sasl: own });
  t.after(() => other.close());
  const error = await rejection(other.connect());
  assert.deepEqual([error.code, error.message.endsWith('with OWN: not this one')], ['TIDE_AUTH', true]);
});

test('OAUTHBEARER: the reason is answered by one byte and told, also when the broker then accepts', async t => {
  const reason = Buffer.from('{"status":"invalid_token"}');
  const token = { mechanism: 'OAUTHBEARER', token: 'canary-token' } as const;
  const refusing = (_: Buffer, { step }: { step: number }) => (step === 0 ? { authBytes: reason } : { errorCode: 58, errorMessage: null });
  const refused = await setting(t, { answer: refusing }, { sasl: token });
  assert.match(
    (await rejection(refused.client.connect())).message,
    /the broker refused: SASL_AUTHENTICATION_FAILED \(status invalid_token\)/,
  );
  assert.deepEqual(refused.broker.said.map(String), ['n,,\x01auth=Bearer canary-token\x01\x01', '\x01']);
  const lying = await setting(t, { answer: (_, { step }) => (step === 0 ? { authBytes: reason } : {}) }, { sasl: token });
  assert.match((await rejection(lying.client.connect())).message, /goes on after it refused the token/);
});

test('a broker that falls silent, or closes, in the middle: in time, and it may pass', async t => {
  const silent = await setting(t, { answer: () => 'silent' }, { sasl: byPlain, connectTimeoutMs: 1000, retry: { attempts: 1 } });
  const late = await rejection(silent.client.connect());
  assert.deepEqual([late.code, late.retriable, late.persistence], ['TIDE_CONNECTION', true, 'no']);
  assert.match(late.message, /authenticate to .* with PLAIN: not done within 1000 ms \(connectTimeoutMs\)/);
  const closing = await setting(t, { answer: () => 'close' }, { sasl: byPlain, retry: { attempts: 1 } });
  const cut = await rejection(closing.client.connect());
  assert.deepEqual([cut.code, cut.retriable], ['TIDE_CONNECTION', true]);
  assert.match(cut.message, /the other side closed the connection meanwhile/);
});

test('credentials from a function: asked for each connection, bounded in time, and its failure may pass', async t => {
  let asked = 0;
  const given = await setting(
    t,
    {},
    { sasl: { mechanism: 'PLAIN', credentials: async () => ({ username: 'u', password: `p${++asked}` }) } },
  );
  await given.client.connect();
  given.client.disconnect(given.broker.address);
  await given.client.metadata();
  assert.deepEqual(given.broker.said.map(String), ['\0u\0p1', '\0u\0p2']);

  let failures = 0;
  const failing = async () => {
    if (++failures === 1) throw new Error('the vault is sealed');
    return alice;
  };
  const sealed = await setting(t, {}, { sasl: { mechanism: 'PLAIN', credentials: failing }, retry: { attempts: 1 } });
  const error = await rejection(sealed.client.connect());
  assert.deepEqual([error.code, error.retriable], ['TIDE_AUTH', true]);
  assert.match(error.message, /sasl\.credentials failed: the vault is sealed/);
  assert.equal(sealed.broker.attempts, 0);

  const never = await setting(
    t,
    {},
    { sasl: { mechanism: 'PLAIN', credentials: () => new Promise(() => {}) }, connectTimeoutMs: 1000, retry: { attempts: 1 } },
  );
  assert.match((await rejection(never.client.connect())).message, /not done within 1000 ms \(connectTimeoutMs\)/);

  const strange = await setting(
    t,
    {},
    { sasl: { mechanism: 'PLAIN', credentials: async () => ({ username: 'u', password: '' }) }, retry: { attempts: 1 } },
  );
  assert.match((await rejection(strange.client.connect())).message, /must give \{ username, password \}/);
});

test('PLAIN and tokens without TLS: one warning for each client; SCRAM: none', async t => {
  for (const [sasl, count] of [
    [byPlain, 1],
    [{ mechanism: 'OAUTHBEARER', token: 'x' }, 1],
    [{ mechanism: 'OWN', start: () => ({ first: Buffer.from('x'), step: () => undefined }) }, 0],
  ] as const) {
    const { broker, client } = await setting(t, {}, { sasl });
    const warnings: string[] = [];
    client.on('warning', ({ kind, broker: where, message }) => warnings.push(`${kind} ${where} ${message.includes('without TLS')}`));
    await client.connect();
    client.disconnect(broker.address);
    await client.metadata();
    assert.equal(broker.connections.length, 2);
    assert.deepEqual(warnings, count === 0 ? [] : [`cleartext ${broker.address} true`]);
  }
});

test('a refusal is remembered: whoever asks meanwhile gets it at once, and the broker is left alone', async t => {
  const { broker, client } = await setting(t, { answer: () => ({ errorCode: 58 }) }, { sasl: byPlain });
  const failed: string[] = [];
  client.on('connection', ({ kind }) => failed.push(kind));
  const errors = await Promise.all(Array.from({ length: 20 }, () => rejection(client.metadata())));
  for (let i = 0; i < 20; i++) errors.push(await rejection(client.connect()));
  assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(['TIDE_AUTH']));
  assert.deepEqual([broker.attempts, broker.connections.length, failed], [1, 1, ['failed']]);
});

test('a password that was changed: connections that stand go on until they are renewed, then the refusal is told and remembered', async t => {
  const { broker, client } = await setting(
    t,
    { answer: (_, { attempt }) => (attempt === 1 ? { sessionLifetimeMs: 10 } : { errorCode: 58, errorMessage: 'changed' }) },
    { sasl: byPlain, retry: { attempts: 1 } },
  );
  const closed = deferred<Error | undefined>();
  client.on('connection', ({ kind, error }) => (kind === 'closed' ? closed.resolve(error) : undefined));
  await client.connect();
  const reason = await closed.promise;
  assert.ok(reason instanceof AuthError && /the broker refused: changed/.test(reason.message));
  assert.match((await rejection(client.metadata())).message, /the broker refused: changed/);
  assert.deepEqual([broker.attempts, broker.connections.length], [2, 1]);
});

test('renewal: waits for what is under way, holds back what comes, and lets it go afterwards', async t => {
  const underWay = deferred();
  const asked = deferred();
  const renewing = deferred();
  const mayRenew = deferred();
  let metadata = 0;
  const script: Script = {
    metadata: () => {
      metadata += 1;
      if (metadata !== 2) return undefined;
      asked.resolve();
      return underWay.promise;
    },
    answer: async (_, { attempt }) => {
      if (attempt === 1) return { sessionLifetimeMs: 10 };
      renewing.resolve();
      await mayRenew.promise;
      return { sessionLifetimeMs: 0 };
    },
  };
  let credentials = 0;
  const gotAgain = deferred();
  const provider = async () => {
    if (++credentials === 2) setImmediate(() => gotAgain.resolve());
    return alice;
  };
  const { broker, client } = await setting(t, script, { sasl: { mechanism: 'PLAIN', credentials: provider }, retry: { attempts: 1 } });
  await client.connect();
  const before = client.metadata();
  await asked.promise;
  await gotAgain.promise; // from here on the connection waits for its turn
  const during = client.metadata(); // the cluster asks once at a time: this one follows the one under way
  underWay.resolve();
  await before;
  await renewing.promise;
  const [seen = []] = broker.connections;
  assert.deepEqual(seen.slice(3), ['Metadata', 'Metadata', 'SaslHandshake PLAIN', 'SaslAuthenticate']);
  mayRenew.resolve();
  await during;
  assert.deepEqual([seen.at(-1), broker.connections.length], ['Metadata', 1]);
});

test('renewal: while the credentials cannot be had requests go on, and it is tried again', async t => {
  let asked = 0;
  const again = deferred();
  const provider = async () => {
    asked += 1;
    if (asked === 2) throw new Error('the vault is sealed');
    if (asked === 3) again.resolve();
    return alice;
  };
  const answer = (_: Buffer, { attempt }: { attempt: number }) => ({ sessionLifetimeMs: attempt === 1 ? 6000 : 0 });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { broker, client } = await setting(t, { answer }, { sasl: { mechanism: 'PLAIN', credentials: provider }, retry: { attempts: 1 } });
  await client.connect();
  t.mock.timers.tick(5500);
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(asked, 2);
  await client.metadata();
  for (let i = 0; i < 100 && asked < 3; i++) {
    t.mock.timers.tick(100);
    await new Promise(resolve => setImmediate(resolve));
  }
  await again.promise;
  assert.equal(broker.connections.length, 1);
});

test('renewal is no use: a connection nobody needs is closed all the same', async t => {
  const { broker, client } = await setting(t, { answer: () => ({ sessionLifetimeMs: 10 }) }, { sasl: byPlain, idleTimeoutMs: 1300 });
  const closed = deferred<Error | undefined>();
  client.on('connection', ({ kind, error }) => (kind === 'closed' ? closed.resolve(error) : undefined));
  await client.connect();
  assert.match((await closed.promise)?.message ?? '', /it was idle for 1300 ms/);
  assert.ok(broker.attempts > 1, 'it was renewed meanwhile');
});

test("a mechanism of the user's own that fails, gives nothing, or never answers: said, and in time", async t => {
  const never = new Promise<never>(() => {});
  const first = Buffer.from('one');
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['TIDE_AUTH', () => Promise.reject(new Error('no ticket')), /sasl\.start failed: no ticket/],
    ['TIDE_AUTH', () => undefined, /sasl\.start must give \{ first, step \}/],
    ['TIDE_AUTH', () => ({ first: 'one', step: () => undefined }), /sasl\.start must give/],
    ['TIDE_CONNECTION', () => never, /with OWN: not done within 1000 ms/],
    ['TIDE_CONNECTION', () => ({ first, step: () => never }), /with OWN: not done within 1000 ms/],
  ];
  for (const [code, start, why] of cases) {
    const sasl = { mechanism: 'OWN', start: start as never };
    const { client } = await setting(t, {}, { sasl, connectTimeoutMs: 1000, retry: { attempts: 1, backoffMs: 5, maxBackoffMs: 20 } });
    const error = await rejection(client.connect());
    assert.equal(error.code, code, error.message);
    assert.match(error.message, why);
  }
});

test('a token that the broker repeats is not shown in part, however long it is', async t => {
  const token = 'canary'.repeat(200);
  const refusal = JSON.stringify({ status: 'invalid_token', error_description: `the token ${token} is bad` });
  const script: Script = {
    answer: message => (message.length > 1 ? { authBytes: Buffer.from(refusal) } : { errorCode: 58, errorMessage: 'refused' }),
  };
  const { client } = await setting(t, script, { sasl: { mechanism: 'OAUTHBEARER', token } });
  const error = await rejection(client.connect());
  assert.match(error.message, /invalid_token, description the token \[redacted\] is bad/);
});
