import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PassedOver, Prefetched, type PrefetchedSettings } from '../../src/consumer/prefetched.js';
import { encodeBatch, type RecordBatch, scanBatches } from '../../src/records/index.js';

interface Made {
  readonly at: number;
  readonly count?: number;
  readonly producerId?: number;
  readonly kind?: 'plain' | 'transactional' | 'abort' | 'commit' | 'empty';
}

const marker = (type: number) => [{ key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6), timestamp: 0 }];

/** A batch at an offset. */
function batch({ at, count = 1, producerId = -1, kind = 'plain' }: Made): Buffer {
  const isControl = kind === 'abort' || kind === 'commit';
  const records = isControl
    ? marker(kind === 'commit' ? 1 : 0)
    : Array.from({ length: count }, (_, i) => ({ value: String(at + i), timestamp: 0 }));
  const isTransactional = isControl || kind === 'transactional';
  return Buffer.from(
    encodeBatch(records, { baseOffset: at, isControl, isTransactional, producerId, producerEpoch: isTransactional ? 0 : -1 }),
  );
}

const made = (given: Partial<PrefetchedSettings> = {}) =>
  new Prefetched({
    topic: 'orders',
    partition: 0,
    maxDecompressedBytes: 1 << 20,
    onCorrupt: 'throw',
    turn: () => new Promise(resolve => setImmediate(resolve)),
    ready: () => {},
    passedOver: () => {},
    ...given,
  });

function add(prefetched: Prefetched, batches: readonly Buffer[], aborted: { producerId: number; firstOffset: number }[] | null = []): void {
  const records = Buffer.concat(batches);
  prefetched.add({ records, aborted }, scanBatches(records).nextOffset ?? 0);
}

const offsetsOf = (found: RecordBatch | undefined) => {
  const offsets: number[] = [];
  for (let message = found?.next(); message !== undefined; message = found?.next()) offsets.push(message.offset);
  return offsets;
};

/** Everything from `position` on, and where the position stands then. */
function drain(prefetched: Prefetched, position: number): { offsets: number[]; position: number } {
  const offsets: number[] = [];
  for (;;) {
    const found = prefetched.next(position);
    position = found.batch?.nextOffset ?? found.position;
    if (found.batch === undefined) return { offsets, position };
    offsets.push(...offsetsOf(found.batch));
  }
}

test('shares are read in order, from the middle of a batch where the position is there', () => {
  const prefetched = made();
  prefetched.restart(2);
  add(prefetched, [batch({ at: 0, count: 4 }), batch({ at: 4, count: 2 })]);
  add(prefetched, [batch({ at: 6, count: 1 })]);
  assert.equal(prefetched.nextFetch, 7);
  assert.deepEqual(drain(prefetched, 2), { offsets: [2, 3, 4, 5, 6], position: 7 });
  assert.equal(prefetched.aheadBytes, 0);
});

test('control batches and aborted ones are passed over, and the position with them', () => {
  const prefetched = made();
  prefetched.restart(0);
  const batches = [
    batch({ at: 0, kind: 'transactional', producerId: 7 }),
    batch({ at: 1 }),
    batch({ at: 2, kind: 'transactional', producerId: 8 }),
    batch({ at: 3, kind: 'abort', producerId: 7 }),
    batch({ at: 4, kind: 'commit', producerId: 8 }),
    batch({ at: 5, kind: 'transactional', producerId: 7 }),
    batch({ at: 6, kind: 'commit', producerId: 7 }),
    batch({ at: 7, kind: 'commit', producerId: 7 }),
  ];
  add(prefetched, batches, [{ producerId: 7, firstOffset: 0 }]);
  assert.deepEqual(drain(prefetched, 0), { offsets: [1, 2, 5], position: 8 });

  const uncommitted = made();
  uncommitted.restart(0);
  add(uncommitted, batches, null);
  assert.deepEqual(drain(uncommitted, 0), { offsets: [0, 1, 2, 5], position: 8 });
});

test('an answer of aborted data alone moves the position behind it', () => {
  const prefetched = made();
  prefetched.restart(0);
  add(prefetched, [batch({ at: 0, count: 9, kind: 'transactional', producerId: 7 })], [{ producerId: 7, firstOffset: 0 }]);
  assert.deepEqual(drain(prefetched, 0), { offsets: [], position: 9 });
});

test('gaps of compaction are passed over, between batches and at the end', () => {
  const prefetched = made();
  prefetched.restart(0);
  add(prefetched, [batch({ at: 5 }), batch({ at: 20, count: 2 })]);
  assert.deepEqual(drain(prefetched, 0), { offsets: [5, 20, 21], position: 22 });

  const trailing = made();
  trailing.restart(0);
  const short = batch({ at: 0, count: 5 });
  trailing.add({ records: short, aborted: [] }, 30);
  assert.deepEqual(drain(trailing, 0), { offsets: [0, 1, 2, 3, 4], position: 30 });
});

test('going back to what is not forgotten reads it again from memory', () => {
  const prefetched = made();
  prefetched.restart(0);
  add(prefetched, [batch({ at: 0, count: 3 }), batch({ at: 3, count: 3 }), batch({ at: 6, count: 3 })]);
  for (let i = 0; i < 2; i++) prefetched.next(i * 3);
  prefetched.forget(2);
  prefetched.goTo(2);
  assert.equal(prefetched.nextFetch, 9, 'nothing has to be fetched');
  assert.deepEqual(drain(prefetched, 2), { offsets: [2, 3, 4, 5, 6, 7, 8], position: 9 });
  prefetched.goTo(7);
  assert.deepEqual(drain(prefetched, 7).offsets, [7, 8]);
  prefetched.goTo(9);
  assert.deepEqual(drain(prefetched, 9).offsets, []);
});

test('going back to what was forgotten, or ahead of what was fetched, begins anew there', () => {
  for (const target of [1, 50]) {
    const prefetched = made();
    prefetched.restart(0);
    add(prefetched, [batch({ at: 0, count: 3 }), batch({ at: 3, count: 3 })]);
    prefetched.next(0);
    prefetched.next(3);
    prefetched.forget(3);
    prefetched.goTo(target);
    assert.deepEqual([prefetched.nextFetch, prefetched.heldBytes], [target, 0]);
    assert.deepEqual(drain(prefetched, target), { offsets: [], position: target });
  }
});

test('going back in the middle of reading again loses nothing', () => {
  const prefetched = made();
  prefetched.restart(0);
  add(
    prefetched,
    [0, 2, 4, 6].map(at => batch({ at, count: 2 })),
  );
  drain(prefetched, 0);
  prefetched.goTo(0);
  prefetched.next(0);
  prefetched.next(2);
  prefetched.goTo(1);
  assert.deepEqual(drain(prefetched, 1), { offsets: [1, 2, 3, 4, 5, 6, 7], position: 8 });
});

test('what is held is counted: ahead, then kept, then forgotten', () => {
  const prefetched = made();
  prefetched.restart(0);
  const batches = [0, 1, 2, 3].map(at => batch({ at }));
  const size = batches[0]?.length ?? 0;
  add(prefetched, batches);
  const indexed = size + 32; // one row of the index
  const counts = () => [prefetched.aheadBytes, prefetched.heldBytes];
  assert.deepEqual(counts(), [4 * size, 4 * size]);
  prefetched.next(0);
  prefetched.next(1);
  assert.deepEqual(counts(), [2 * size, 2 * size + 2 * indexed]);
  prefetched.forget(1);
  assert.deepEqual(counts(), [2 * size, 2 * size + indexed]);
  prefetched.goTo(1);
  assert.deepEqual(counts(), [2 * size, 2 * size + indexed]);
  drain(prefetched, 1);
  assert.deepEqual(counts(), [0, 3 * indexed]);
  prefetched.forget(4);
  assert.deepEqual(counts(), [0, 0]);
});

test('what was decompressed counts as held', () => {
  const prefetched = made();
  prefetched.restart(0);
  const bytes = Buffer.from(encodeBatch([{ value: Buffer.alloc(100_000), timestamp: 0 }], { compression: 'gzip' }));
  add(prefetched, [bytes]);
  assert.ok(prefetched.heldBytes < 2000);
  prefetched.next(0);
  assert.ok(prefetched.heldBytes > 100_000);
  prefetched.forget(1);
  assert.equal(prefetched.heldBytes, 0);
});

test('when memory is short only the last batch is kept, and going back before it begins anew', () => {
  const prefetched = made();
  prefetched.restart(0);
  add(
    prefetched,
    [0, 1, 2, 3].map(at => batch({ at })),
  );
  for (let i = 0; i < 3; i++) prefetched.next(i);
  prefetched.shed();
  prefetched.goTo(2);
  assert.deepEqual(drain(prefetched, 2).offsets, [2, 3]);
  prefetched.shed();
  prefetched.goTo(2);
  assert.equal(prefetched.nextFetch, 2);
});

test('a batch that is cut short at the end of an answer is no error: the next fetch begins with it', () => {
  const prefetched = made();
  prefetched.restart(0);
  add(prefetched, [batch({ at: 0 }), batch({ at: 1 }).subarray(0, 30)]);
  assert.equal(prefetched.nextFetch, 1);
  assert.deepEqual(drain(prefetched, 0), { offsets: [0], position: 1 });
  assert.equal(prefetched.aheadBytes, 0);
});

test('damage is dropped and fetched once more from where reading stands; the second time it is thrown, and so on', () => {
  const damaged = batch({ at: 1 });
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
  const prefetched = made();
  prefetched.restart(0);
  add(prefetched, [batch({ at: 0 }), damaged]);
  assert.deepEqual(drain(prefetched, 0), { offsets: [0], position: 1 });
  assert.equal(prefetched.nextFetch, 1, 'to be fetched once more');
  for (let i = 0; i < 2; i++) {
    add(prefetched, [damaged]);
    assert.throws(() => prefetched.next(1), { code: 'TIDE_CORRUPT' });
    assert.deepEqual([prefetched.nextFetch, prefetched.heldBytes], [1, 0]);
  }
  add(prefetched, [batch({ at: 1 })]);
  assert.deepEqual(drain(prefetched, 1), { offsets: [1], position: 2 });
});

test('a batch that takes too much when decompressed is an error each time', () => {
  const prefetched = made({ maxDecompressedBytes: 1024 });
  prefetched.restart(0);
  const bomb = Buffer.from(encodeBatch([{ value: Buffer.alloc(100_000), timestamp: 0 }], { compression: 'gzip' }));
  for (let i = 0; i < 2; i++) {
    add(prefetched, [bomb]);
    assert.throws(() => prefetched.next(0), { code: 'TIDE_TOO_LARGE' });
  }
});

/** A batch with a bit flipped in its records, after its checksum was made. */
function damaged(options: Made): Buffer {
  const bytes = batch(options);
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
  return bytes;
}

for (const onCorrupt of ['skip', 'return'] as const) {
  test(`records that stay damaged: ${onCorrupt} goes on behind them, as far as they reach`, () => {
    const told: PassedOver[] = [];
    const prefetched = made({ onCorrupt, passedOver: what => told.push(what) });
    const answer = [batch({ at: 0, count: 2 }), damaged({ at: 2, count: 3 }), batch({ at: 7, count: 2 })];
    prefetched.restart(0);
    add(prefetched, answer);
    assert.deepEqual(drain(prefetched, 0), { offsets: [0, 1], position: 2 });
    assert.equal(prefetched.nextFetch, 2, 'it is fetched once more');
    assert.deepEqual(told, []);
    add(prefetched, answer.slice(1));
    const found = prefetched.next(2);
    const invalid = found.batch?.next();
    if (onCorrupt === 'return') {
      assert.deepEqual([invalid?.offset, invalid?.valid, invalid?.value, invalid?.error?.code], [2, false, null, 'TIDE_CORRUPT']);
      assert.equal(found.batch?.nextOffset, 5);
    } else {
      assert.deepEqual(found, { batch: undefined, position: 5 });
    }
    assert.deepEqual(
      told.map(({ offset, nextOffset }) => [offset, nextOffset]),
      [[2, 5]],
    );
    assert.equal(prefetched.nextFetch, 5);
    add(prefetched, [batch({ at: 7, count: 2 })]);
    assert.deepEqual(drain(prefetched, 5).offsets, [7, 8]);
  });
}

test('a damaged length that reaches over sound batches does not pass over them', () => {
  const prefetched = made({ onCorrupt: 'skip' });
  let position = 0;
  for (let times = 0; times < 2; times++) {
    const answer = [0, 1, 2].map(at => batch({ at, count: 1 }));
    const [first, second] = answer;
    first?.writeInt32BE(first.readInt32BE(8) + (second?.length ?? 0), 8);
    prefetched.restart(0);
    add(prefetched, answer);
    position = prefetched.next(0).position;
  }
  assert.equal(position, 1);
});

test('what the numbers of a damaged batch say is not believed where a sound one begins before', () => {
  const prefetched = made({ onCorrupt: 'skip' });
  let position = 0;
  for (let times = 0; times < 2; times++) {
    const wrong = damaged({ at: 0, count: 2 });
    wrong.writeInt32BE(99, 23); // the delta of the last offset
    wrong.writeInt32BE(100, 57); // the count
    prefetched.restart(0);
    add(prefetched, [wrong, batch({ at: 2, count: 2 })]);
    position = prefetched.next(0).position;
  }
  assert.equal(position, 2);
});

test('the last batch of an answer ends where it says, or one further when that is not believable: nothing sound is ever passed over', () => {
  const ends = (bytes: Buffer, position: number): number => {
    const prefetched = made({ onCorrupt: 'skip' });
    for (let times = 0; times < 2; times++) {
      prefetched.restart(position);
      add(prefetched, [bytes]);
      const found = prefetched.next(position);
      if (times === 1) return found.position;
    }
    return -1;
  };
  assert.equal(ends(damaged({ at: 2, count: 3 }), 2), 5);
  assert.equal(ends(damaged({ at: 2, count: 3 }), 4), 5);
  const claims = batch({ at: 2, count: 3 });
  claims.writeInt32BE(1_000_000, 23); // the delta of the last offset
  assert.equal(ends(claims, 2), 5);
  claims.writeInt32BE(2, 23);
  claims.writeInt32BE(7, 57); // the count
  assert.equal(ends(claims, 2), 5);
  claims.writeInt32BE(-7, 57);
  assert.equal(ends(claims, 3), 4);
});

test('a damaged message of an old format that claims a wrong offset does not pass over what is compressed behind it', () => {
  const sound = encodeBatch([{ value: '3' }, { value: '4' }], { magic: 1, compression: 'gzip', baseOffset: 3 });
  const wrong = encodeBatch([{ value: '2' }], { magic: 1, baseOffset: 1000 });
  wrong.writeUInt8(wrong.readUInt8(wrong.length - 1) ^ 1, wrong.length - 1);
  const prefetched = made({ onCorrupt: 'skip' });
  let position = 2;
  for (let times = 0; times < 2; times++) {
    prefetched.restart(2);
    add(prefetched, [wrong, sound]);
    position = prefetched.next(2).position;
  }
  assert.equal(position, 3);
  add(prefetched, [sound]);
  assert.deepEqual(drain(prefetched, position), { offsets: [3, 4], position: 5 });
});

for (const magic of [0, 1] as const) {
  test(`a damaged message of an old format costs itself alone, and a damaged compressed one what is in it: v${magic}`, () => {
    const set = (at: number, count: number, compression: 'none' | 'gzip'): Buffer =>
      encodeBatch(
        Array.from({ length: count }, (_, i) => ({ value: String(at + i), timestamp: 0 })),
        { magic, baseOffset: at, compression },
      );
    const spoilt = (bytes: Buffer): Buffer => Buffer.from(bytes.fill(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1));
    const log = [
      set(0, 2, 'none'),
      spoilt(set(2, 1, 'none')),
      set(3, 3, 'gzip'),
      set(6, 1, 'none'),
      spoilt(set(7, 4, 'gzip')),
      set(11, 4, 'gzip'),
    ];
    const told: PassedOver[] = [];
    const prefetched = made({ onCorrupt: 'skip', passedOver: what => told.push(what) });
    prefetched.restart(0);
    const offsets: number[] = [];
    for (let position = 0; position < 15; ) {
      const answer = log.filter(bytes => (scanBatches(bytes).nextOffset ?? 0) > prefetched.nextFetch);
      add(prefetched, answer);
      const drained = drain(prefetched, position);
      offsets.push(...drained.offsets);
      position = drained.position;
    }
    assert.deepEqual(offsets, [0, 1, 3, 4, 5, 6, 11, 12, 13, 14]);
    assert.deepEqual(
      told.map(({ offset, nextOffset }) => [offset, nextOffset]),
      [
        [2, 3],
        [7, 11],
      ],
    );
  });
}

test('much is decompressed in turns: nothing is given meanwhile, and then what there is', async () => {
  let isReady: () => void = () => {};
  const ready = new Promise<void>(resolve => (isReady = resolve));
  const prefetched = made({ maxDecompressedBytes: 2 ** 26, ready: isReady });
  prefetched.restart(0);
  const value = Buffer.alloc(20 * 2 ** 20, 'tide');
  add(prefetched, [encodeBatch([{ value }, { value: 'last' }], { compression: 'lz4' })]);
  assert.deepEqual(prefetched.next(0), { batch: undefined, position: 0 });
  assert.deepEqual(prefetched.next(0), { batch: undefined, position: 0 });
  await ready;
  const { batch: found } = prefetched.next(0);
  assert.deepEqual([found?.at(0)?.value?.length, String(found?.at(1)?.value)], [value.length, 'last']);
  assert.ok(prefetched.heldBytes > value.length);
  prefetched.goTo(1);
  assert.deepEqual(offsetsOf(prefetched.next(1).batch), [1]);
});

test('what turns out damaged while it is decompressed in turns is told as such', async () => {
  let isReady: () => void = () => {};
  const ready = new Promise<void>(resolve => (isReady = resolve));
  const prefetched = made({ maxDecompressedBytes: 18 * 2 ** 20, ready: isReady });
  prefetched.restart(0);
  add(prefetched, [encodeBatch([{ value: Buffer.alloc(20 * 2 ** 20) }], { compression: 'lz4' })]);
  assert.equal(prefetched.next(0).batch, undefined);
  await ready;
  assert.throws(() => prefetched.next(0), { code: 'TIDE_TOO_LARGE' });
});
