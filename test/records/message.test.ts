import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { putChecksum } from '../../src/records/builder.js';
import {
  type EncodeOptions,
  encodeBatch,
  type Message,
  originOf,
  type RecordInput,
  readBatches,
  stampAppendTime,
} from '../../src/records/index.js';

function messageOf(record: RecordInput, origin?: object): Message {
  const batch = readBatches(encodeBatch([{ timestamp: 1000, ...record }], { baseOffset: 5, leaderEpoch: 2 }), {
    topic: 'orders',
    partition: 3,
  }).next();
  assert.ok(batch);
  batch.origin = origin;
  const message = batch.next();
  assert.ok(message);
  return message;
}

test('a message shows where it is from and what it holds', () => {
  const message = messageOf({ key: 'k', value: 'v', headers: { a: '1' } });
  assert.deepEqual(Object.entries(message), [
    ['topic', 'orders'],
    ['partition', 3],
    ['offset', 5],
    ['timestamp', 1000],
    ['timestampType', 'create'],
    ['leaderEpoch', 2],
    ['key', Buffer.from('k')],
    ['value', Buffer.from('v')],
  ]);
  assert.match(inspect(message), /^Message \{\n {2}topic: 'orders',\n {2}partition: 3,\n {2}offset: 5,/);
});

test('keys, values and header values are real Buffers', () => {
  const { key, value, headers } = messageOf({ key: 'k', value: 'v', headers: [['a', '1']] });
  for (const bytes of [key, value, headers[0]?.[1]]) {
    assert.ok(Buffer.isBuffer(bytes));
    assert.equal(Object.getPrototypeOf(bytes), Buffer.prototype);
  }
  assert.deepEqual(value, Buffer.from('v'));
});

test('null and empty are different everywhere', () => {
  const none = messageOf({ key: null, value: null, headers: [['a', null]] });
  assert.deepEqual([none.key, none.value, none.header('a')], [null, null, null]);
  const empty = messageOf({ key: '', value: '', headers: [['a', '']] });
  assert.deepEqual([empty.key, empty.value, empty.header('a')], [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)]);
});

test('headers keep their order and their duplicates; a name gives the last of them', () => {
  const message = messageOf({
    headers: [
      ['a', '1'],
      ['__proto__', '2'],
      ['a', '3'],
    ],
  });
  assert.deepEqual(message.headers, [
    ['a', Buffer.from('1')],
    ['__proto__', Buffer.from('2')],
    ['a', Buffer.from('3')],
  ]);
  assert.deepEqual(message.header('a'), Buffer.from('3'));
  assert.deepEqual(message.header('__proto__'), Buffer.from('2'));
  assert.equal(message.header('constructor'), undefined);
  assert.equal(message.headers, message.headers, 'read once');
});

test('all messages without headers share one list that cannot be changed', () => {
  assert.equal(messageOf({}).headers, messageOf({}).headers);
  assert.ok(Object.isFrozen(messageOf({}).headers));
});

test('a header name that is not UTF-8 is read with replacement characters', () => {
  const bytes = encodeBatch([{ headers: [['abc', '1']] }]);
  bytes[bytes.indexOf('abc')] = 0xff;
  // A view of the records as they are, past the checksum: the name is what is under test.
  const [batch] = readBatches(withChecksum(bytes), { topic: 'orders', partition: 3 });
  assert.equal(batch?.next()?.headers[0]?.[0], '\ufffdbc');
});

for (const record of [
  {
    key: 'key',
    value: 'value',
    headers: [
      ['a', '1'],
      ['b', null],
    ],
  },
  { key: null, value: null, headers: [['a', '1']] },
  { key: '', value: 'value' },
  { key: null, value: null },
] as const satisfies RecordInput[]) {
  test(`a detached message is the same in memory of its own: ${JSON.stringify(record)}`, () => {
    const owner = {};
    const message = messageOf({ ...record }, owner);
    const copy = message.detach();
    assert.deepEqual(copy, message);
    assert.deepEqual(copy.headers, message.headers);
    assert.equal(originOf(copy), owner);
    const size = copy.key?.buffer.byteLength ?? copy.value?.buffer.byteLength ?? copy.headers[0]?.[1]?.buffer.byteLength ?? 0;
    assert.ok(size < 20, `${size} bytes`);
    assert.deepEqual(copy.detach(), message);
  });
}

test('a message knows who handed it out when its batch was told', () => {
  const owner = {};
  assert.equal(originOf(messageOf({}, owner)), owner);
  assert.equal(originOf(messageOf({})), undefined);
});

for (const [options, magic, attributes] of [
  [{}, 2, 0],
  [{ compression: 'gzip' }, 2, 1],
  [{ compression: 'lz4', isTransactional: true, producerId: 1, producerEpoch: 0 }, 2, 0x13],
  [{ magic: 1 }, 1, 0],
  [{ magic: 1, compression: 'lz4' }, 1, 3],
  [{ magic: 0, compression: 'snappy' }, 0, 2],
] as const satisfies [EncodeOptions, number, number][]) {
  test(`a message knows the format and the attributes it was stored with: ${JSON.stringify(options)}`, () => {
    const bytes = encodeBatch([{ value: 'a' }, { value: 'b' }], { baseOffset: 7, ...options });
    const messages = [...readBatches(bytes, { topic: 'orders', partition: 3 })].flatMap(batch => [...batch]);
    const stored = messages.flatMap(message => [message, message.detach()]);
    assert.deepEqual(
      stored.map(message => [message.offset, message.nextOffset, message.magic, message.attributes]),
      [7, 7, 8, 8].map(offset => [offset, offset + 1, magic, attributes]),
    );
  });
}

test('the attributes say that the broker set the time', () => {
  const bytes = encodeBatch([{ value: 'a' }], { compression: 'gzip' });
  stampAppendTime(bytes, 5000);
  const message = readBatches(bytes, { topic: 'orders', partition: 3 }).next()?.next();
  assert.deepEqual([message?.timestamp, message?.timestampType, message?.attributes], [5000, 'append', 9]);
});

function withChecksum(batch: Buffer): Buffer {
  putChecksum(batch);
  return batch;
}
