import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../src/base/errors.js';
import { Reader } from '../../src/bytes/reader.js';
import {
  ApiVersions,
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponseBody,
  encodeRequestFrame,
  encodeResponseFrame,
  type Frame,
  Metadata,
  Produce,
  readCorrelationId,
} from '../../src/protocol/index.js';

const joined = (frame: Frame): Buffer => Buffer.concat(frame.chunks);

test('a request travels with its header, flexible or not', () => {
  for (const [version, header] of [
    [8, '0003000800000007' + '00026d65'],
    [9, '0003000900000007' + '00026d65' + '00'],
  ] as const) {
    const frame = encodeRequestFrame(Metadata, version, 7, 'me', { topics: null });
    const bytes = joined(frame);
    assert.equal(bytes.length, frame.size);
    assert.equal(bytes.readInt32BE(), frame.size - 4);
    assert.equal(bytes.toString('hex', 4, 4 + header.length / 2), header);
    const reader = new Reader(bytes, 4);
    assert.deepEqual(decodeRequestHeader(reader), { apiKey: 3, apiVersion: version, correlationId: 7, clientId: 'me' });
    assert.equal(decodeRequestBody(Metadata, version, reader).topics, null);
  }
  const anonymous = joined(encodeRequestFrame(Metadata, 1, 7, null, { topics: [] }));
  assert.equal(decodeRequestHeader(new Reader(anonymous, 4)).clientId, null);
});

test('a response travels with its correlation id, and that of ApiVersions with nothing else in any version', () => {
  const metadata = { brokers: [], topics: [] };
  assert.equal(joined(encodeResponseFrame(Metadata, 9, 7, metadata)).toString('hex', 4, 9), '0000000700');
  const versions = joined(encodeResponseFrame(ApiVersions, 3, 7, { errorCode: 0, apiKeys: [] }));
  assert.equal(versions.toString('hex', 4), '00000007' + '0000' + '01' + '00000000' + '00');
  for (const version of [8, 9]) {
    const response = joined(encodeResponseFrame(Metadata, version, 7, metadata)).subarray(4);
    assert.equal(readCorrelationId(response), 7);
    assert.deepEqual(decodeResponseBody(Metadata, version, response).brokers, []);
  }
  assert.equal(decodeResponseBody(ApiVersions, 3, versions.subarray(4)).errorCode, 0);
});

test('the records of a request are not copied on their way to the socket', () => {
  const batch = Buffer.alloc(4096, 1);
  const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: batch }] }];
  const { chunks } = encodeRequestFrame(Produce, 9, 1, 'me', { acks: -1, timeoutMs: 1000, topicData });
  assert.equal(chunks.length, 3);
  assert.equal(chunks[1], batch);
});

test('bytes left behind a body are an error that says where', () => {
  const response = Buffer.concat([joined(encodeResponseFrame(Metadata, 9, 7, { brokers: [], topics: [] })).subarray(4), Buffer.alloc(3)]);
  assert.throws(
    () => decodeResponseBody(Metadata, 9, response),
    (error: unknown) => {
      assert.ok(error instanceof ProtocolError);
      assert.match(error.message, /^Metadata v9 response: 3 bytes are left at \d+$/);
      const { api, version, position } = error.context;
      assert.deepEqual([api, version, position], ['Metadata', 9, response.length - 3]);
      return true;
    },
  );
  const request = joined(encodeRequestFrame(Metadata, 1, 7, 'me', { topics: [] }));
  const reader = new Reader(Buffer.concat([request, Buffer.alloc(1)]), 4);
  decodeRequestHeader(reader);
  assert.throws(() => decodeRequestBody(Metadata, 1, reader), ProtocolError);
});

test('a header that ends early or contradicts itself is refused', () => {
  for (const hex of [
    '',
    '0003',
    '0003000900000007',
    '0003000900000007fffe',
    '0003000900000007000361',
    '000300090000000700016102',
    '0003000900000007ffff02010001',
  ]) {
    assert.throws(() => decodeRequestHeader(new Reader(Buffer.from(hex, 'hex'))), ProtocolError, hex);
  }
  for (const hex of ['', '000000', '00000007', '0000000701', '000000070202000200']) {
    assert.throws(() => decodeResponseBody(Metadata, 9, Buffer.from(hex, 'hex')), ProtocolError, hex);
  }
  assert.throws(() => readCorrelationId(Buffer.alloc(3)), ProtocolError);
});

test('the header of a request that nobody knows still says who asked', () => {
  const reader = new Reader(Buffer.from('7fff000000000007' + '00026d65' + '99', 'hex'));
  assert.deepEqual(decodeRequestHeader(reader), { apiKey: 32767, apiVersion: 0, correlationId: 7, clientId: 'me' });
});
