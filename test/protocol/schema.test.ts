import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError, type KafkaError, ProtocolError, UnsupportedError } from '../../src/base/errors.js';
import { Reader, ZERO_UUID } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { Fetch, FindCoordinator, Message, Metadata, OffsetCommit } from '../../src/protocol/index.js';
import {
  array,
  bytes,
  int8,
  int16,
  int32,
  int64,
  records,
  type Shape,
  string,
  struct,
  timestamp,
  uuid,
} from '../../src/protocol/schema.js';

/** A message with versions 0 and 1, of which 1 is flexible. */
const message = <const S extends Shape>(fields: S): Message<S> => new Message({ name: 'Test', versions: [0, 1], flexible: 1, fields });

function hex<S extends Shape>(of: Message<S>, version: number, body: Parameters<Message<S>['encode']>[2]): string {
  const writer = new Writer();
  of.encode(writer, version, body);
  return writer.toBuffer().toString('hex');
}
const read = <S extends Shape>(of: Message<S>, version: number, text: string): ReturnType<Message<S>['decode']> =>
  of.decode(new Reader(Buffer.from(text, 'hex')), version);

function refuses<E extends KafkaError>(type: new (...args: never) => E, call: () => unknown, message: RegExp): void {
  assert.throws(call, (error: unknown) => {
    assert.ok(error instanceof type, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test('lengths are fixed before flexible versions and compact from there on', () => {
  const fields = message({ text: string.nullable(), data: bytes.nullable(), list: array(int8).nullable(), ids: array(uuid) });
  const body = { text: 'a', data: Buffer.from([9]), list: [1, 2], ids: [ZERO_UUID] };
  assert.equal(hex(fields, 0, body), `000161${'0000000109'}${'000000020102'}${'00000001'}${'00'.repeat(16)}`);
  assert.equal(hex(fields, 1, body), `0261${'0209'}${'030102'}${'02'}${'00'.repeat(16)}00`);
  const empty = { text: null, data: null, list: null, ids: [] };
  assert.equal(hex(fields, 0, empty), 'ffffffffffffffffffff00000000');
  assert.equal(hex(fields, 1, empty), '0000000100');
  for (const version of [0, 1]) {
    assert.deepEqual(read(fields, version, hex(fields, version, body)), body);
    assert.deepEqual(read(fields, version, hex(fields, version, empty)), empty);
  }
});

test('structs nest, may be null, and end with their own tagged fields', () => {
  const fields = message({ one: struct({ a: int8 }), other: struct({ b: int8 }).nullable(), many: array({ c: int8 }) });
  const body = { one: { a: 1 }, other: { b: 2 }, many: [{ c: 3 }, { c: 4 }] };
  assert.equal(hex(fields, 0, body), '010102000000020304');
  assert.equal(hex(fields, 1, body), `0100${'010200'}${'0303000400'}00`);
  assert.deepEqual(read(fields, 1, hex(fields, 1, body)), body);
  assert.equal(hex(fields, 1, { ...body, other: null }), `0100${'ff'}${'0303000400'}00`);
  assert.deepEqual(read(fields, 0, '01ff00000000'), { one: { a: 1 }, other: null, many: [] });
});

test('records are taken in pieces and given back as one view of the frame', () => {
  const fields = message({ batches: records });
  const large = Buffer.alloc(2000, 7);
  const writer = new Writer();
  fields.encode(writer, 0, { batches: [Buffer.from('ab'), large] });
  assert.ok(writer.finish().includes(large));
  const frame = writer.toBuffer();
  const { batches } = fields.decode(new Reader(frame), 0);
  assert.equal(batches.length, 2002);
  assert.equal(batches.buffer, frame.buffer);
});

test('tagged fields are written when they are not their default, ascending, with their size', () => {
  const fields = message({
    b: string.default('x').tag(5, 1),
    a: int16.tag(2, 1),
    c: struct({ n: int32.default(-1) }).tag(9, 1),
    d: array(int8).tag(10, 1).ignorable(),
  });
  assert.equal(hex(fields, 1, {}), '00');
  assert.equal(hex(fields, 1, { a: 0, b: 'x', c: { n: -1 }, d: [] }), '00');
  assert.equal(hex(fields, 1, { a: 1, b: '', c: { n: 3 } }), `03${'02020001'}${'050101'}${'09050000000300'}`);
  assert.deepEqual(read(fields, 1, '0302020001050101090500000003' + '00'), { b: '', a: 1, c: { n: 3 }, d: [] });
  assert.deepEqual(read(fields, 1, '00'), { b: 'x', a: 0, c: { n: -1 }, d: [] });
  assert.deepEqual(read(fields, 0, ''), { b: 'x', a: 0, c: { n: -1 }, d: [] });
});

test('unknown tagged fields are skipped by their size, and only well-formed ones', () => {
  const fields = message({ a: int8, t: int8.tag(1, 1) });
  assert.deepEqual(read(fields, 1, '07' + '03' + '0002abcd' + '010105' + '0900'), { a: 7, t: 5 });
  refuses(ProtocolError, () => read(fields, 1, '07020101050101' + '06'), /tagged field 1 comes after 1/);
  refuses(ProtocolError, () => read(fields, 1, '0702020100010105'), /tagged field 1 comes after 2/);
  refuses(ProtocolError, () => read(fields, 1, '0701' + '00ffffffff0f'), /wanted 4294967295 bytes/);
  refuses(ProtocolError, () => read(fields, 1, '07ffffffff0f'), /4294967295 tagged fields do not fit 0 bytes/);
  refuses(ProtocolError, () => read(fields, 1, '0701' + '01020506'), /t: 1 bytes are left in tagged field 1/);
  refuses(ProtocolError, () => read(fields, 1, '0701' + '0100'), /t: wanted 1 bytes/);
});

test('null and negative lengths are refused where the protocol has none', () => {
  const fields = message({ text: string, list: array(int8) });
  refuses(ProtocolError, () => read(fields, 0, 'ffff'), /Test v0 message, text: null where the protocol allows none/);
  refuses(ProtocolError, () => read(fields, 1, '00'), /text: null where the protocol allows none/);
  refuses(ProtocolError, () => read(fields, 0, 'fffe'), /text: a length of -2/);
  refuses(ProtocolError, () => read(fields, 0, '0000ffffffff'), /list: null where/);
  refuses(ProtocolError, () => read(fields, 0, '000080000000'), /list: a length of -2147483648/);
  refuses(ProtocolError, () => read(message({ text: string }), 1, `81800${'2'}${'61'.repeat(32768)}00`), /a string of 32768 bytes/);
});

test('a count that the bytes left cannot hold is refused before anything is made of it', () => {
  const fields = message({ list: array({ a: int64, b: array(int32) }) });
  refuses(ProtocolError, () => read(fields, 0, '7fffffff'), /list: 2147483647 elements of at least 12 bytes do not fit 0 bytes/);
  refuses(ProtocolError, () => read(fields, 1, 'ffffffff0f'), /list: 4294967294 elements of at least 10 bytes/);
  refuses(ProtocolError, () => read(message({ list: array({}) }), 0, '7fffffff'), /elements of at least 1 bytes/);
  const before = process.memoryUsage();
  for (let i = 0; i < 1000; i++) assert.throws(() => read(fields, 0, '7fffffff0000'), ProtocolError);
  const after = process.memoryUsage();
  assert.ok(after.heapUsed + after.external - before.heapUsed - before.external < 64 * 2 ** 20);
});

test('a failure names the api, the version, the position and the path to the field', () => {
  const response = Buffer.from('00000001' + '00000002' + '0064' + '6c6f63616c686f7374', 'hex'); // a host of 100 bytes, of which 9 are there
  assert.throws(
    () => Metadata.decodeResponse(new Reader(response), 2),
    (error: unknown) => {
      assert.ok(error instanceof ProtocolError);
      assert.equal(error.message, 'Metadata v2 response, brokers[0].host: wanted 100 bytes at 10, there are 9');
      const { api, version, position, field } = error.context;
      assert.deepEqual([api, version, position, field], ['Metadata', 2, 10, 'brokers[0].host']);
      return true;
    },
  );
});

test('an int64 must be a safe integer and a timestamp is rounded', () => {
  refuses(ProtocolError, () => read(message({ offset: int64 }), 0, '7fffffffffffffff'), /offset: .* outside the safe integers/);
  assert.deepEqual(read(message({ at: timestamp }), 0, '7fffffffffffffff'), { at: 2 ** 63 });
});

test('what a version cannot say is refused, unless losing it changes nothing', () => {
  const writer = new Writer();
  const topics = [{ name: 'a', partitions: [] }];
  refuses(
    UnsupportedError,
    () => OffsetCommit.encodeRequest(writer, 6, { groupId: 'g', groupInstanceId: 'i', topics }),
    /^OffsetCommit v6 request, groupInstanceId: exists only in v7 and later$/,
  );
  refuses(
    UnsupportedError,
    () => FindCoordinator.encodeRequest(writer, 4, { key: 'g', coordinatorKeys: [] }),
    /key: exists only in v0 to v3$/,
  );
  refuses(
    UnsupportedError,
    () => Metadata.encodeRequest(writer, 9, { topics: [{ name: null }] }),
    /topics\[0\].name: null needs v10 or later/,
  );
  refuses(
    UnsupportedError,
    () => OffsetCommit.encodeRequest(writer, 11, { groupId: 'g', topics }),
    /OffsetCommit v11 request: versions 2 to 10 are known/,
  );
  refuses(UnsupportedError, () => OffsetCommit.decodeRequest(new Reader(Buffer.alloc(9)), 1.5), /versions 2 to 10/);
  OffsetCommit.encodeRequest(writer, 6, { groupId: 'g', groupInstanceId: null, retentionTimeMs: 5, topics });
});

test('what is missing or does not fit is refused with its path', () => {
  const writer = new Writer();
  const encode = (body: object): void => OffsetCommit.encodeRequest(writer, 9, body as Parameters<typeof OffsetCommit.encodeRequest>[2]);
  const partitions = (partition: object): object => ({ groupId: 'g', topics: [{ name: 'a', partitions: [partition] }] });
  refuses(InputError, () => encode({ topics: [] }), /^OffsetCommit v9 request, groupId: is missing$/);
  refuses(InputError, () => encode({ groupId: null, topics: [] }), /groupId: must not be null/);
  refuses(InputError, () => encode({ groupId: 5, topics: [] }), /groupId: expected a string, got number/);
  refuses(InputError, () => encode({ groupId: 'g', topics: 'x' }), /topics: expected an array, got string/);
  refuses(InputError, () => encode({ groupId: 'g', topics: [5] }), /topics\[0\]: expected an object, got number/);
  refuses(
    InputError,
    () => encode(partitions({ partitionIndex: 2 ** 31 })),
    /topics\[0\].partitions\[0\].partitionIndex: expected an int32, got 2147483648/,
  );
  refuses(InputError, () => encode(partitions({ partitionIndex: 10n })), /partitionIndex: expected a number, got bigint/);
  refuses(
    InputError,
    () => encode({ groupId: 'g'.repeat(32768), topics: [] }),
    /groupId: expected a string of at most 32767 bytes, got 32768/,
  );
  refuses(
    InputError,
    () => Metadata.encodeRequest(writer, 12, { topics: [{ name: 'a', topicId: 'a' }] }),
    /topics\[0\].topicId: expected a uuid/,
  );
  refuses(
    InputError,
    () => Fetch.encodeRequest(writer, 15, { maxWaitMs: 1, minBytes: 1, topics: [], replicaState: { replicaId: 0.5 } }),
    /replicaState.replicaId: expected an int32, got 0.5/,
  );
});

test('an error that is a bug passes through as it is', () => {
  const bug = new RangeError('a bug');
  const body = {
    get groupId(): string {
      throw bug;
    },
    topics: [],
  };
  assert.throws(
    () => OffsetCommit.encodeRequest(new Writer(), 2, body),
    (error: unknown) => error === bug,
  );
});
