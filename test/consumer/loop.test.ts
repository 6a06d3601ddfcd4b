import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../src/base/wait.js';
import { Loop, type LoopHost } from '../../src/consumer/loop.js';

/** A host that gives what it is told to, and writes down what it is asked. */
class Host implements LoopHost<number> {
  readonly calls: string[] = [];
  ready: number | undefined;
  readonly waits: { give(item: number | undefined): void; fail(error: Error): void; left(): boolean }[] = [];

  open(): void {
    this.calls.push('open');
  }

  ask(): void {
    this.calls.push('ask');
  }

  next(): number | undefined {
    const item = this.ready;
    this.ready = undefined;
    return item;
  }

  wait(_: AbortSignal | undefined, left: () => boolean, taken: () => void): Promise<number | undefined> {
    const { promise, resolve, reject } = deferred<number | undefined>();
    const give = (item: number | undefined) => {
      if (item !== undefined) taken();
      resolve(item);
    };
    this.waits.push({ give, fail: reject, left });
    return promise;
  }

  end(_: unknown, putBack: boolean): void {
    this.calls.push(putBack ? 'end, put back' : 'end');
  }
}

test('it opens with the first next(), asks with each that follows, and ends once', async () => {
  const host = new Host();
  const loop = new Loop(host, 'messages()', undefined);
  assert.deepEqual(host.calls, []);
  const first = loop.next();
  assert.deepEqual(host.calls, ['open']);
  host.waits[0]?.give(1);
  assert.deepEqual(await first, { done: false, value: 1 });
  const second = loop.next();
  host.waits[1]?.give(undefined);
  assert.deepEqual(await second, { done: true, value: undefined });
  await loop.return();
  assert.deepEqual(await loop.next(), { done: true, value: undefined });
  assert.deepEqual(host.calls, ['open', 'ask', 'end']);
});

test('what is there already is given without waiting, but not once the signal is aborted', async () => {
  const host = new Host();
  const stop = new AbortController();
  const loop = new Loop(host, 'messages()', stop.signal);
  host.ready = 9;
  const first = loop.next();
  assert.equal(host.ready, 9, 'the first opens the loop');
  host.waits[0]?.give(1);
  await first;
  assert.equal((await loop.next()).value, 9);
  host.ready = 10;
  stop.abort();
  const last = loop.next();
  assert.equal(host.ready, 10);
  host.waits[1]?.give(undefined);
  assert.equal((await last).done, true);
});

test('a loop that was never begun ends without a word', async () => {
  const host = new Host();
  const loop = new Loop(host, 'messages()', undefined);
  await loop.return();
  assert.deepEqual(await loop.next(), { done: true, value: undefined });
  assert.deepEqual(host.calls, []);
});

test('return() while next() is pending: the host is told that nobody waits, and the pending one ends', async () => {
  const host = new Host();
  const loop = new Loop(host, 'messages()', undefined);
  const pending = loop.next();
  const [wait] = host.waits;
  assert.equal(wait?.left(), false);
  await loop.return();
  assert.equal(wait?.left(), true);
  wait?.give(undefined);
  assert.deepEqual(await pending, { done: true, value: undefined });
  assert.deepEqual(host.calls, ['open', 'end, put back']);
});

test('a wait that fails ends the loop: for await calls no return() then', async () => {
  const host = new Host();
  const loop = new Loop(host, 'messages()', undefined);
  const pending = loop.next();
  host.waits[0]?.fail(new Error('cannot'));
  await assert.rejects(pending, /cannot/);
  assert.deepEqual(host.calls, ['open', 'end, put back']);
  assert.equal((await loop.next()).done, true);
});

test('a loop that may not open is over, and was never held', async () => {
  const host = new Host();
  host.open = () => {
    throw new Error('taken');
  };
  const loop = new Loop(host, 'messages()', undefined);
  await assert.rejects(loop.next(), /taken/);
  assert.equal((await loop.next()).done, true);
  assert.deepEqual(host.calls, []);
});
