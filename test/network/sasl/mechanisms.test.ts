import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { AuthError } from '../../../src/base/errors.js';
import { oauthbearer, tokenFault } from '../../../src/network/sasl/oauthbearer.js';
import { plain } from '../../../src/network/sasl/plain.js';
import { SaltedPasswords } from '../../../src/network/sasl/salted-passwords.js';
import { scram } from '../../../src/network/sasl/scram.js';

const pencil = { username: 'user', password: 'pencil' };
const nonce = 'rOprNGfwEbeRWgbNEkqO';
const fullNonce = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
const salt = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const begun = (options: { authzid?: string } = {}, who = pencil) =>
  scram('sha256', who, { cache: new SaltedPasswords(), nonce, ...options });
const said = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1'));

async function refusedWith(promise: unknown, why: RegExp): Promise<void> {
  await assert.rejects(
    async () => promise,
    (error: Error) => error instanceof AuthError && why.test(error.message),
    String(why),
  );
}

test('PLAIN says authzid, user and password between NULs, and has nothing to answer (RFC 4616)', () => {
  assert.equal(said(plain({ username: 'tim', password: 'tanstaaftanstaaf' }).first), '\0tim\0tanstaaftanstaaf');
  assert.equal(said(plain({ username: 'Kurt', password: 'xipj3plmq' }, 'Ursel').first), 'Ursel\0Kurt\0xipj3plmq');
  assert.equal(
    Buffer.from(plain({ username: 'j\u00fcrgen', password: '\ud83d\udd11' }).first).toString('utf8'),
    '\0j\u00fcrgen\0\ud83d\udd11',
  );
  assert.equal(plain(pencil).step(Buffer.alloc(0)), undefined);
  assert.throws(() => plain(pencil).step(Buffer.from('more')), AuthError);
});

test('SCRAM-SHA-256: the exchange of RFC 7677', async () => {
  const exchange = begun();
  assert.equal(said(exchange.first), `n,,n=user,r=${nonce}`);
  const last = await exchange.step(Buffer.from(`r=${fullNonce},s=${salt},i=4096`));
  assert.equal(said(last), `c=biws,r=${fullNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`);
  assert.equal(await exchange.step(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')), undefined);
  await refusedWith((async () => exchange.step(Buffer.alloc(0)))(), /goes on after the end/);
});

test('SCRAM-SHA-512: a server that knows the stored key accepts the proof, and is believed', async () => {
  const exchange = scram('sha512', pencil, { cache: new SaltedPasswords(), nonce });
  const first = `r=${fullNonce},s=${salt},i=5000`;
  const last = said(await exchange.step(Buffer.from(first))) ?? '';
  const [, withoutProof = '', proof = ''] = /^(.*),p=(.*)$/.exec(last) ?? [];
  const hmac = (key: Buffer, text: string) => createHmac('sha512', key).update(text).digest();
  const salted = pbkdf2Sync('pencil', Buffer.from(salt, 'base64'), 5000, 64, 'sha512');
  const signed = `n=user,r=${nonce},${first},${withoutProof}`;
  const storedKey = createHash('sha512').update(hmac(salted, 'Client Key')).digest();
  const clientKey = Buffer.from(Buffer.from(proof, 'base64').map((byte, i) => byte ^ (hmac(storedKey, signed)[i] ?? 0)));
  assert.deepEqual(createHash('sha512').update(clientKey).digest(), storedKey);
  assert.equal(await exchange.step(Buffer.from(`v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`)), undefined);
});

test('SCRAM: names are escaped, nonces are 24 random bytes', () => {
  assert.equal(said(begun({ authzid: 'a,b' }, { username: 'x=y,z', password: 'p' }).first), `n,a=a=2Cb,n=x=3Dy=2Cz,r=${nonce}`);
  const nonces = [1, 2].map(() => said(scram('sha256', pencil, { cache: new SaltedPasswords() }).first)?.split('r=')[1] ?? '');
  assert.deepEqual(
    nonces.map(text => Buffer.from(text, 'base64').length),
    [24, 24],
  );
  assert.notEqual(nonces[0], nonces[1]);
});

for (const [first, why] of [
  ['', /malformed/],
  ['hello', /malformed/],
  [`r=${fullNonce},r=${fullNonce},s=${salt},i=4096`, /malformed/],
  [`s=${salt},i=4096`, /lacks a nonce, a salt or an iteration count/],
  [`r=${fullNonce},i=4096`, /lacks/],
  [`r=${fullNonce},s=***,i=4096`, /lacks/],
  [`r=${fullNonce},s=,i=4096`, /lacks/],
  [`r=${fullNonce},s=${salt}`, /lacks/],
  [`r=${fullNonce},s=${salt},i=`, /lacks/],
  [`r=${fullNonce},s=${salt},i=-4096`, /lacks/],
  [`r=${fullNonce},s=${salt},i=4096.5`, /lacks/],
  [`r=${fullNonce},s=${salt},i=0`, /lacks/],
  [`r=${fullNonce},s=${'QUFB'.repeat(1000)},i=4096`, /lacks/],
  [`r=${nonce},s=${salt},i=4096`, /nonce that does not continue ours/],
  [`r=x${fullNonce},s=${salt},i=4096`, /nonce that does not continue ours/],
  [`r=${fullNonce},s=${salt},i=1`, /1 SCRAM iterations, and fewer than 4096/],
  [`r=${fullNonce},s=${salt},i=4095`, /4095 SCRAM iterations/],
  [`r=${fullNonce},s=${salt},i=1000001`, /more than 1000000 would take too long/],
  [`r=${fullNonce},s=${salt},i=2147483648`, /more than 1000000/],
  [`m=later,r=${fullNonce},s=${salt},i=4096`, /extension \(m=\)/],
  ['e=unknown-user', /the broker refused: unknown-user/],
] as const) {
  test(`SCRAM: a first message "${first.slice(0, 60)}" is refused`, () =>
    refusedWith((async () => begun().step(Buffer.from(first)))(), why));
}

for (const [last, why] of [
  ['', /malformed/],
  ['v=', /lacks its signature/],
  ['x=1', /lacks its signature/],
  ['v=AAAA', /signature is wrong/],
  [`v=${Buffer.alloc(32).toString('base64')}`, /signature is wrong: it does not know the password/],
  ['v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=', /signature is wrong/],
  ['e=invalid-proof', /the broker refused: invalid-proof/],
] as const) {
  test(`SCRAM: a last message "${last}" is refused`, async () => {
    const exchange = begun();
    await exchange.step(Buffer.from(`r=${fullNonce},s=${salt},i=4096`));
    await refusedWith((async () => exchange.step(Buffer.from(last)))(), why);
  });
}

test('a password is salted once for each salt and count, and anew when it was changed', async () => {
  const cache = new SaltedPasswords();
  let made = 0;
  const get = (salting: { salt?: string; iterations?: number; hash?: string }, password: string) =>
    cache.get({ hash: 'sha256', iterations: 4096, ...salting, salt: Buffer.from(salting.salt ?? 'a') }, password, async () =>
      Buffer.from(`${++made}`),
    );
  assert.deepEqual((await Promise.all([get({}, 'p'), get({}, 'p'), get({}, 'p')])).map(String), ['1', '1', '1']);
  assert.equal(String(await get({ salt: 'b' }, 'p')), '2');
  assert.equal(String(await get({ iterations: 5000 }, 'p')), '3');
  assert.equal(String(await get({ hash: 'sha512' }, 'p')), '4');
  assert.equal(String(await get({}, 'q')), '5');
  assert.equal(String(await get({}, 'q')), '5');
  cache.clear();
  assert.equal(String(await get({}, 'q')), '6');
});

test('OAUTHBEARER: the token, and extensions behind it (RFC 7628, KIP-342)', () => {
  assert.equal(said(oauthbearer({ value: 'vF9dft4qmT' }).first), 'n,,\x01auth=Bearer vF9dft4qmT\x01\x01');
  assert.equal(
    said(oauthbearer({ value: 'x', extensions: { logicalCluster: 'lkc-1', poolId: 'p' } }, 'u,v').first),
    'n,a=u=2Cv,\x01auth=Bearer x\x01logicalCluster=lkc-1\x01poolId=p\x01\x01',
  );
  assert.equal(oauthbearer({ value: 'x' }).step(Buffer.alloc(0)), undefined);
});

test('OAUTHBEARER: the reason for a refusal is kept, and answered so that the broker goes on to refuse', () => {
  const exchange = oauthbearer({ value: 'x' });
  assert.equal(exchange.complaint, undefined);
  assert.equal(
    said(Buffer.from(exchange.step(Buffer.from('{"status":"invalid_token","scope":"s","openid-configuration":"u"}')) as Uint8Array)),
    '\x01',
  );
  assert.equal(exchange.complaint, 'status invalid_token, scope s');
  assert.throws(() => exchange.step(Buffer.alloc(0)), /goes on after it refused the token/);
  for (const strange of ['null', '[]', '{}', 'nonsense', '{"status":7}']) {
    const other = oauthbearer({ value: 'x' });
    other.step(Buffer.from(strange));
    assert.equal(other.complaint, strange);
  }
});

test('what is no token is said to be none, and not shown', () => {
  assert.equal(tokenFault({ value: 'eyJhbGciOiJub25lIn0.e30.' }), undefined);
  assert.equal(tokenFault({ value: 'a+/b==', expiresAt: new Date(), extensions: { a: 'b c' } }), undefined);
  const wrong: readonly [unknown, RegExp][] = [
    [undefined, /an object with a value/],
    ['x', /an object with a value/],
    [{ value: '' }, /a value of/],
    [{ value: 7 }, /a value of/],
    [{ value: 'secret with spaces' }, /a value of/],
    [{ value: 'secret\x01auth=Bearer y' }, /a value of/],
    [{ value: 'x', expiresAt: 'soon' }, /expiresAt/],
    [{ value: 'x', extensions: 7 }, /extensions as an object/],
    [{ value: 'x', extensions: { auth: 'y' } }, /other than "auth"/],
    [{ value: 'x', extensions: { 'a-b': 'y' } }, /names of letters/],
    [{ value: 'x', extensions: { a: '' } }, /values of printable ASCII/],
    [{ value: 'x', extensions: { a: 'b\x01c' } }, /values of printable ASCII/],
  ];
  for (const [token, why] of wrong) {
    assert.match(tokenFault(token) ?? '', why);
    assert.doesNotMatch(tokenFault(token) ?? '', /secret/);
  }
});
