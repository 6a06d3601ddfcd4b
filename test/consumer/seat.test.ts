import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seat } from '../../src/consumer/seat.js';
import { ManualClock } from '../embedded/setting.js';

const call = { kind: 'call', what: 'getMessages()' } as const;
const loop = { kind: 'loop', what: 'messages()' } as const;

test('one sits there; the others are told who, and what to do', () => {
  const seat = new Seat(new ManualClock());
  seat.take(loop);
  assert.throws(() => seat.take(call), { code: 'TIDE_STATE', message: /getMessages\(\): messages\(\) is reading.*leave that loop first/ });
  seat.free(call); // who does not sit there frees nothing
  assert.throws(() => seat.take(call), { code: 'TIDE_STATE' });
  seat.free(loop);
  seat.take(call);
  assert.throws(() => seat.take(loop), { code: 'TIDE_STATE', message: /await that call first/ });
});

test('closing waits for the body and for the others, whichever is later, and lets nobody in', async () => {
  const clock = new ManualClock();
  const seat = new Seat(clock);
  seat.take(loop);
  seat.bodyHolds(true);
  let others = true;
  let closed: boolean | undefined;
  const closing = seat
    .close(1000, () => others)
    .then(inTime => {
      closed = inTime;
    });
  assert.throws(() => seat.assertOpen('seek()'), { code: 'TIDE_CLOSED', message: /seek\(\): the consumer is closed/ });
  assert.throws(() => seat.take(call), { code: 'TIDE_CLOSED' });
  seat.assertNotClosed('mark()');
  seat.bodyHolds(false);
  await new Promise(setImmediate);
  assert.equal(closed, undefined);
  others = false;
  seat.released();
  await closing;
  assert.equal(closed, true);
  assert.throws(() => seat.assertNotClosed('mark()'), { code: 'TIDE_CLOSED' });
  assert.equal(clock.pending, 0);
});

test('closing waits no longer than its time', async () => {
  const clock = new ManualClock();
  const seat = new Seat(clock);
  seat.take(loop);
  seat.bodyHolds(true);
  const closing = seat.close(1000, () => false);
  clock.advance(1000);
  assert.equal(await closing, false);
  assert.equal(await new Seat(clock).close(0, () => false), true, 'nobody to wait for');
});
