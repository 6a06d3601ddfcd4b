import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KafkaError, ProtocolError } from '../../src/base/errors.js';
import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { allCases, type Case, completed, given, title } from './messages.js';

function encode({ api, part, version }: Case, body: object): Buffer {
  const writer = new Writer();
  if (part === 'request') api.encodeRequest(writer, version, body);
  else api.encodeResponse(writer, version, body);
  const bytes = writer.toBuffer();
  assert.equal(writer.size, bytes.length);
  return bytes;
}

function decode({ api, part, version }: Case, bytes: Uint8Array): { body: object; remaining: number } {
  const reader = new Reader(bytes);
  const body = part === 'request' ? api.decodeRequest(reader, version) : api.decodeResponse(reader, version);
  return { body, remaining: reader.remaining };
}

test('every version of every API reads what it wrote, to the last byte', () => {
  for (const one of allCases) {
    fc.assert(
      fc.property(given(one.shape, one.version), body => {
        const { body: read, remaining } = decode(one, encode(one, body));
        assert.deepEqual(read, completed(one.shape, one.version, body), title(one));
        assert.equal(remaining, 0, title(one));
      }),
      { numRuns: 20 },
    );
  }
});

test('a message cut off anywhere is refused, with its api and version', () => {
  for (const one of allCases) {
    const body = fc.sample(given(one.shape, one.version), { numRuns: 4, seed: 1 });
    for (const bytes of body.map(values => encode(one, values))) {
      for (let end = 0; end < bytes.length; end++) {
        assert.throws(
          () => decode(one, bytes.subarray(0, end)),
          (error: unknown) => {
            assert.ok(error instanceof ProtocolError, `${title(one)} at ${end}: ${error}`);
            const { api, version, position } = error.context;
            assert.deepEqual([api, version, typeof position], [one.api.name, one.version, 'number']);
            return error.message.startsWith(title(one));
          },
        );
      }
    }
  }
});

test('garbled bytes are decoded to something or refused with an error of ours, whatever they say', () => {
  const garbling = fc.tuple(
    fc.nat(),
    fc.constantFrom('7fffffff', '80000000', 'ffffffff', 'fffffffe', 'ffffffff0f', '00', '01', 'ff', '7f'),
  );
  for (const one of allCases) {
    fc.assert(
      fc.property(given(one.shape, one.version), fc.array(garbling, { minLength: 1, maxLength: 3 }), (body, places) => {
        const bytes = encode(one, body);
        for (const [place, hex] of places) if (bytes.length > 0) bytes.write(hex, place % bytes.length, 'hex');
        try {
          decode(one, bytes);
        } catch (error) {
          assert.ok(error instanceof KafkaError, `${title(one)}: ${error}`);
        }
      }),
      { numRuns: 50 },
    );
  }
});
