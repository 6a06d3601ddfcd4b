import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { linked, onAbort } from '../../src/base/abort.js';
import { sleep, systemClock } from '../../src/base/clock.js';
import { Bell, orAborted } from '../../src/base/wait.js';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('a signal has one listener, however many wait for it, and all of them are told', async () => {
  const ended = new AbortController();
  const { signal } = ended;
  const told: number[] = [];
  for (let i = 0; i < 20; i++) onAbort(signal, () => told.push(i));
  const others = [orAborted(new Promise(() => {}), signal), sleep(systemClock, 60_000, signal)].map(waiting =>
    assert.rejects(waiting, /enough/),
  );
  const rung = new Bell().waitFor(systemClock, 60_000, signal);
  assert.equal(listeners(signal), 1);
  ended.abort(new Error('enough'));
  assert.deepEqual(
    told,
    Array.from({ length: 20 }, (_, i) => i),
  );
  assert.equal(await rung, 'aborted');
  await Promise.all(others);
});

test('who gives up waiting is not told, and the last one leaves nothing at the signal', () => {
  const ended = new AbortController();
  const told: string[] = [];
  const forget = ['a', 'b', 'c'].map(name => onAbort(ended.signal, () => told.push(name)));
  forget[1]?.();
  forget[1]?.();
  assert.equal(listeners(ended.signal), 1);
  forget[0]?.();
  forget[2]?.();
  assert.equal(listeners(ended.signal), 0);
  onAbort(ended.signal, () => told.push('d'));
  ended.abort();
  assert.deepEqual(told, ['d']);
});

test('what one does when told may end the wait of another', () => {
  const ended = new AbortController();
  const told: string[] = [];
  let forget = () => {};
  onAbort(ended.signal, () => {
    told.push('first');
    forget();
  });
  forget = onAbort(ended.signal, () => told.push('second'));
  ended.abort();
  assert.deepEqual(told, ['first']);
});

test('a signal that is aborted already tells nobody and keeps nothing', () => {
  const signal = AbortSignal.abort();
  onAbort(signal, () => assert.fail());
  assert.equal(listeners(signal), 0);
});

test('a linked signal is aborted with any of its own, with that reason, and lets go of them', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const both = linked(first.signal, undefined, second.signal);
  second.abort('enough');
  assert.equal(both.signal.aborted, true);
  assert.equal(both.signal.reason, 'enough');
  assert.equal(linked(second.signal, first.signal).signal.reason, 'enough');
  const free = linked(first.signal);
  free.unlink();
  first.abort();
  assert.equal(free.signal.aborted, false);
});
