import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestTimerMs, sleep, systemClock } from '../../src/base/clock.js';

test('a wait longer than a timer of Node can hold does not end at once', async () => {
  const ran: string[] = [];
  const timers = [longestTimerMs + 1, 1e12].map(ms => systemClock.after(ms, () => ran.push(String(ms)), true));
  await sleep(systemClock, 20); // a timer that is too long runs after 1 ms
  assert.deepEqual(ran, []);
  for (const timer of timers) timer.cancel();
});

test('a long wait ends when it is over, and can be called off on the way', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ran: string[] = [];
  systemClock.after(2 * longestTimerMs + 5, () => ran.push('kept'));
  const off = systemClock.after(2 * longestTimerMs + 5, () => ran.push('called off'));
  t.mock.timers.tick(longestTimerMs);
  off.cancel();
  t.mock.timers.tick(longestTimerMs);
  t.mock.timers.tick(4);
  assert.deepEqual(ran, []);
  t.mock.timers.tick(1);
  assert.deepEqual(ran, ['kept']);
});
