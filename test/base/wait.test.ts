import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { Clock } from '../../src/base/clock.js';
import { limited, orAborted } from '../../src/base/wait.js';

/** A clock that stands still until told. */
function stoppedClock() {
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    wallTime: () => 0,
    after: (_, run) => {
      timers.add(run);
      return { cancel: () => timers.delete(run) };
    },
    soon: run => queueMicrotask(run),
  };
  const strike = () => {
    for (const run of timers) run();
  };
  return { clock, timers, strike };
}
const forEver = (stop: AbortSignal) => orAborted(new Promise<never>(() => {}), stop);

test('what is limited settles as the work does, and leaves neither timer nor listener', async () => {
  const { clock, timers } = stoppedClock();
  const { signal } = new AbortController();
  const limit = { ms: 5, signal, late: () => new Error('late') };
  assert.equal(await limited(clock, limit, async () => 'done'), 'done');
  await assert.rejects(
    limited(clock, limit, () => Promise.reject(new Error('failed'))),
    /^Error: failed$/,
  );
  assert.deepEqual([timers.size, getEventListeners(signal, 'abort').length], [0, 0]);
});

test('when the time is over the work is told why, in words of that moment', async () => {
  const { clock, timers, strike } = stoppedClock();
  let seen = 'nothing';
  const waiting = limited(clock, { ms: 5, late: () => new Error(`late: ${seen}`) }, forEver);
  seen = 'something';
  strike();
  seen = 'too much';
  await assert.rejects(waiting, /^Error: late: something$/);
  assert.equal(timers.size, 0);
});

test('an abort comes through with its reason', async () => {
  const { clock, timers } = stoppedClock();
  const stop = new AbortController();
  const waiting = limited(clock, { ms: 5, signal: stop.signal, late: () => new Error('late') }, forEver);
  stop.abort('enough');
  await assert.rejects(waiting, (reason: unknown) => reason === 'enough');
  assert.deepEqual([timers.size, getEventListeners(stop.signal, 'abort').length], [0, 0]);
});
