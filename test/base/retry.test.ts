import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, Deadline, systemClock } from '../../src/base/clock.js';
import { ConnectionError, InputError } from '../../src/base/errors.js';
import { backoffMs, retrying } from '../../src/base/retry.js';
import { Bell, orAborted, settledWithin } from '../../src/base/wait.js';

const policy = { attempts: 4, backoffMs: 100, maxBackoffMs: 1000 };

/** A clock on which every wait is over at once, and remembered. */
function hastyClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  let time = 0;
  return {
    waits,
    now: () => time,
    wallTime: () => time,
    after: (ms, run) => {
      waits.push(ms);
      time += ms;
      queueMicrotask(run);
      return { cancel: () => {} };
    },
    soon: run => queueMicrotask(run),
  };
}
const passing = () => new ConnectionError('lost');

test('what is marked retriable is tried again, as often as the policy says and no more', async () => {
  const clock = hastyClock();
  let attempts = 0;
  const error = passing();
  await assert.rejects(
    retrying(
      async () => {
        attempts += 1;
        throw error;
      },
      policy,
      { clock },
    ),
    reason => reason === error,
  );
  assert.equal(attempts, 4);
  assert.equal(clock.waits.length, 3, 'no wait after the last attempt');
});

test('the attempt that succeeds ends it', async () => {
  const result = await retrying(async n => (n < 3 ? Promise.reject(passing()) : n), policy, { clock: hastyClock() });
  assert.equal(result, 3);
});

test('everything else is thrown at once, as it is, also what is no Error', async () => {
  for (const thrown of [new InputError('no'), new TypeError('a bug'), 'text', undefined]) {
    let attempts = 0;
    const outcome = await retrying(async () => {
      attempts += 1;
      throw thrown;
    }, policy).then(
      () => assert.fail(),
      (reason: unknown) => reason,
    );
    assert.equal(outcome, thrown);
    assert.equal(attempts, 1);
  }
});

test('no attempt starts after the deadline, and no wait goes past it', async () => {
  const clock = hastyClock();
  await assert.rejects(
    retrying(() => Promise.reject(passing()), { ...policy, attempts: 100 }, { clock, deadline: new Deadline(clock, 500) }),
  );
  assert.ok(clock.now() <= 500 && clock.waits.length >= 2, String(clock.waits));
});

test('an abort ends the wait with its reason; a result that arrived meanwhile is given', async () => {
  const reason = new Error('enough');
  const abort = new AbortController();
  const given = await retrying(
    async () => {
      abort.abort(reason);
      return 'arrived';
    },
    policy,
    { signal: abort.signal },
  );
  assert.equal(given, 'arrived');
  await assert.rejects(
    retrying(async () => 'late', policy, { signal: abort.signal }),
    error => error === reason,
  );
  const waiting = new AbortController();
  const ended = retrying(
    () => Promise.reject(passing()),
    { ...policy, backoffMs: 60_000, maxBackoffMs: 60_000 },
    { signal: waiting.signal },
  );
  waiting.abort(reason);
  await assert.rejects(ended, error => error === reason);
});

test('waits double up to the maximum, with jitter that stays there too', () => {
  for (const [failed, full] of [
    [1, 100],
    [2, 200],
    [3, 400],
    [10, 1000],
  ] as const) {
    assert.equal(
      backoffMs(policy, failed, () => 0),
      full * 0.8,
    );
    assert.ok(Math.abs(backoffMs(policy, failed, () => 1) - full * 1.2) < 1e-9);
  }
});

test('a bell wakes all who wait, once; who gives up leaves nothing behind', async () => {
  const bell = new Bell();
  const both = Promise.all([bell.wait(), bell.waitFor(systemClock, 10_000)]);
  bell.ring();
  assert.deepEqual(await both, [undefined, 'rung']);
  assert.equal(await bell.waitFor(systemClock, 1), 'late');
  assert.equal(await bell.waitFor(systemClock, 10_000, AbortSignal.abort()), 'aborted');
  const abort = new AbortController();
  const waiting = bell.waitFor(systemClock, 10_000, abort.signal);
  abort.abort();
  assert.equal(await waiting, 'aborted');
});

test('orAborted and settledWithin settle with whatever comes first', async () => {
  const never = new Promise<never>(() => {});
  const reason = new Error('enough');
  await assert.rejects(orAborted(never, AbortSignal.abort(reason)), error => error === reason);
  assert.equal(await orAborted(Promise.resolve(1), new AbortController().signal), 1);
  assert.equal(await settledWithin(systemClock, never, 1), false);
  assert.equal(await settledWithin(systemClock, Promise.reject(reason), 1000), true);
});

test('what failed because of the abort is no error that passed: nobody is told that it is tried again', async () => {
  const stop = new AbortController();
  const told: unknown[] = [];
  const onRetry = (error: unknown) => told.push(error);
  const attempt = async () => {
    stop.abort('enough');
    throw passing();
  };
  await assert.rejects(retrying(attempt, policy, { onRetry, signal: stop.signal }), (reason: unknown) => reason === 'enough');
  assert.deepEqual(told, []);
});
