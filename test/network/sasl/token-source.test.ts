import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/base/clock.js';
import { AuthError } from '../../../src/base/errors.js';
import { deferred } from '../../../src/base/wait.js';
import type { OauthToken } from '../../../src/network/sasl/oauthbearer.js';
import { TokenSource } from '../../../src/network/sasl/token-source.js';

/** A source whose clock stands at `at`, and whose provider gives `tokens` one after the other, each for 1000 ms. */
function setting(give: (n: number) => OauthToken | Promise<OauthToken>) {
  const state = { at: 0, asked: 0 };
  const clock = { ...systemClock, wallTime: () => state.at };
  const source = new TokenSource(() => give(++state.asked), clock);
  const never = new AbortController().signal;
  return { state, source, value: async (signal = never) => (await source.get(signal)).value };
}
const lasting = (state: { at: number }, n: number): OauthToken => ({ value: `t${n}`, expiresAt: state.at + 1000 });

test('a token is kept for 80 % of its life, then replaced', async () => {
  const { state, value } = setting(n => lasting(state, n));
  assert.equal(await value(), 't1');
  state.at = 749;
  assert.equal(await value(), 't1');
  state.at = 801;
  assert.equal(await value(), 't2');
  state.at = 801 + 749;
  assert.equal(await value(), 't2');
  assert.equal(state.asked, 2);
});

test('all who ask at the same time share one answer', async () => {
  const answer = deferred<OauthToken>();
  const { state, value } = setting(() => answer.promise);
  const all = Promise.all([value(), value(), value()]);
  answer.resolve({ value: 'x', expiresAt: 1000 });
  assert.deepEqual(await all, ['x', 'x', 'x']);
  assert.equal(state.asked, 1);
});

test('a token that does not say when it ends is asked for each time', async () => {
  const { value } = setting(n => ({ value: `t${n}` }));
  assert.deepEqual([await value(), await value()], ['t1', 't2']);
});

test('where a new token cannot be had the old one is used to its end, and then the failure is told', async () => {
  const { state, value } = setting(n => {
    if (n > 1) throw new Error('the server is away');
    return lasting(state, n);
  });
  await value();
  state.at = 900;
  assert.equal(await value(), 't1');
  state.at = 1001;
  await assert.rejects(
    value(),
    (error: unknown) => error instanceof AuthError && error.retriable && /sasl\.token failed: the server is away/.test(error.message),
  );
  assert.equal(state.asked, 3);
});

test('a token the broker refused is not used again', async () => {
  const { state, source, value } = setting(n => lasting(state, n));
  await value();
  source.drop();
  assert.equal(await value(), 't2');
});

test('a token that has expired, or is none, is refused without being shown', async () => {
  const expired = setting(() => ({ value: 'old', expiresAt: 0 }));
  await assert.rejects(expired.value(), /a token that has expired; is the clock right/);
  const strange = setting(() => ({ value: 'not a token' }));
  await assert.rejects(
    strange.value(),
    (error: unknown) => error instanceof AuthError && !error.retriable && !error.message.includes('not a token'),
  );
});

test('who gives up leaves the others their token; when nobody is left the provider is told, and is asked anew by the next', async () => {
  const answers = [deferred<OauthToken>(), deferred<OauthToken>()];
  const signals: AbortSignal[] = [];
  const clock = { ...systemClock, wallTime: () => 0 };
  const source = new TokenSource(({ signal }) => {
    signals.push(signal);
    return answers[signals.length - 1]?.promise ?? Promise.reject(new Error('asked too often'));
  }, clock);
  const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
  const first = source.get(one.signal);
  const second = source.get(two.signal);
  one.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  assert.equal(signals[0]?.aborted, false);
  two.abort(new Error('me too'));
  await assert.rejects(second, /me too/);
  assert.equal(signals[0]?.aborted, true);
  const third = source.get(three.signal);
  answers[1]?.resolve({ value: 'x' });
  assert.equal((await third).value, 'x');
  assert.equal(signals.length, 2);
});
