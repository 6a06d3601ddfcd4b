import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.js';
import { MemberLoop } from '../../src/group/member-loop.js';

/** A loop that says when it begins, and ends when it is told to, a turn later. */
function setting() {
  const said: string[] = [];
  let runs = 0;
  const loop = new MemberLoop(async signal => {
    const name = `run ${++runs}`;
    said.push(`${name} begins`);
    if (!signal.aborted) await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
    await new Promise(setImmediate);
    said.push(`${name} ends`);
  });
  const after = async () => void said.push('left');
  return { said, loop, after };
}

test('who starts while it is being left is in again afterwards', async () => {
  const { said, loop, after } = setting();
  loop.start();
  loop.start();
  await new Promise(setImmediate);
  const left = loop.leave(new Error('why'), after);
  loop.start();
  await left;
  await new Promise(setImmediate);
  assert.deepEqual(said, ['run 1 begins', 'run 1 ends', 'left', 'run 2 begins']);
  await loop.close(systemClock, 'billing', 5000, after);
  loop.start();
  await new Promise(setImmediate);
  assert.deepEqual(said.slice(4), ['run 2 ends', 'left']);
});

test('a loop that ended by itself can be started again', async () => {
  let runs = 0;
  const loop = new MemberLoop(async () => void runs++);
  for (const expected of [1, 2]) {
    loop.start();
    await new Promise(setImmediate);
    assert.equal(runs, expected);
  }
});
