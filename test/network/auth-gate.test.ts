import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.js';
import { AuthError, ConnectionError, type KafkaError } from '../../src/base/errors.js';
import { deferred } from '../../src/base/wait.js';
import { AuthGate } from '../../src/network/auth-gate.js';

function setting() {
  const state = { now: 0, attempts: 0 };
  const gate = new AuthGate({ ...systemClock, now: () => state.now });
  const attempt = (outcome: () => Promise<string>) => () => {
    state.attempts += 1;
    return outcome();
  };
  const refused = () =>
    gate.run(
      'b',
      attempt(async () => {
        throw new AuthError('wrong');
      }),
    );
  return { state, gate, attempt, refused };
}
const message = (error: KafkaError | undefined) => error?.message;

test('after a refusal a second passes before the next attempt, and more after each further one, up to half a minute', async () => {
  const { state, gate, refused } = setting();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    await assert.rejects(refused(), AuthError);
    const since = state.now;
    await assert.rejects(refused(), AuthError);
    assert.equal(state.attempts, i + 1, 'the second asked nobody');
    while (gate.remembered('b') !== undefined) state.now += 10;
    waits.push(state.now - since);
  }
  assert.ok(waits[0] !== undefined && waits[0] >= 1000 && waits[0] <= 1510, `${waits}`);
  assert.ok(
    waits.every((wait, i) => wait >= Math.min(24_000, 1000 * 2 ** i)),
    `${waits}`,
  );
  assert.ok(
    waits.every(wait => wait <= 36_010),
    `${waits}`,
  );
});

test('what may pass, as credentials that cannot be had, keeps us away for some seconds at most', async () => {
  const { state, gate } = setting();
  const failing = () =>
    gate.run('b', async () => {
      throw new AuthError('the vault is sealed', { retriable: true });
    });
  for (let i = 0; i < 8; i++) {
    await assert.rejects(failing());
    assert.ok(gate.remembered('b'));
    state.now += 6000;
    assert.equal(gate.remembered('b'), undefined);
  }
});

test('each broker is remembered for itself, and only refusals are', async () => {
  const { gate, attempt, refused } = setting();
  await assert.rejects(refused());
  assert.equal(message(gate.remembered('b')), 'wrong');
  assert.equal(gate.remembered('c'), undefined);
  assert.equal(
    await gate.run(
      'c',
      attempt(async () => 'in'),
    ),
    'in',
  );
  await assert.rejects(
    gate.run(
      'd',
      attempt(() => Promise.reject(new ConnectionError('away'))),
    ),
  );
  assert.equal(gate.remembered('d'), undefined);
});

test('being accepted wipes the slate', async () => {
  const { state, gate, attempt, refused } = setting();
  for (let i = 0; i < 4; i++) {
    await assert.rejects(refused());
    state.now += 40_000;
  }
  assert.equal(
    await gate.run(
      'b',
      attempt(async () => 'in'),
    ),
    'in',
  );
  await assert.rejects(refused());
  state.now += 1600;
  assert.equal(gate.remembered('b'), undefined);
});

test('until a broker has accepted us one connection tries first: a wrong password is said once, however many connections there are', async () => {
  const { state, gate, attempt } = setting();
  const outcome = deferred<string>();
  const all = ['shared', 'fetch 1', 'fetch 2'].map(() =>
    gate.run(
      'b',
      attempt(() => outcome.promise),
    ),
  );
  outcome.reject(new AuthError('wrong'));
  for (const one of all) await assert.rejects(one, AuthError);
  assert.equal(state.attempts, 1);
});

test('connections do not wait for each other once we were accepted, nor after a failure of another kind', async () => {
  const { state, gate, attempt } = setting();
  const first = deferred<string>();
  const second = deferred<string>();
  const one = gate.run(
    'b',
    attempt(() => first.promise),
  );
  const two = gate.run(
    'b',
    attempt(() => second.promise),
  );
  const three = gate.run(
    'b',
    attempt(() => second.promise),
  );
  first.reject(new ConnectionError('away'));
  await assert.rejects(one, ConnectionError);
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(state.attempts, 3, 'both at once');
  second.resolve('in');
  assert.deepEqual(await Promise.all([two, three]), ['in', 'in']);
  const slow = deferred<string>();
  const four = gate.run(
    'b',
    attempt(() => slow.promise),
  );
  assert.equal(
    await gate.run(
      'b',
      attempt(async () => 'at once'),
    ),
    'at once',
  );
  slow.resolve('in');
  await four;
});
