import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProtocolError } from '../../src/base/errors.js';
import { Reader } from '../../src/bytes/reader.js';
import {
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponseBody,
  encodeRequestFrame,
  encodeResponseFrame,
  readCorrelationId,
} from '../../src/protocol/index.js';
import type { FieldType, Shape } from '../../src/protocol/schema.js';
import { PROJECT_ROOT } from '../kafka/project.js';
import { allCases, type Case, completed, title } from './messages.js';

interface Golden {
  /** `full`: a value in every field. `nulls`, `empties`: as little as can be. */
  readonly set: string;
  readonly body: object;
  /** Header and body in hex. */
  readonly frame: string;
}

/** Frames that Kafka's own classes wrote, and what they say. See test/golden/protocol/make.ts. */
const golden = new Map<string, Golden[]>();
for (const line of readFileSync(join(PROJECT_ROOT, 'test/golden/protocol/frames.jsonl'), 'utf8').trim().split('\n')) {
  const { api, part, version, set, body, frame } = JSON.parse(line);
  const name = `${api} v${version} ${part}`;
  golden.set(name, [...(golden.get(name) ?? []), { set, body, frame }]);
}

/** Bytes stand in the JSON as base64. */
function revived(shape: Shape, body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, revivedValue(shape[name]?.type, value)]));
}

function revivedValue(type: FieldType | undefined, value: unknown): unknown {
  if (value === null || value === undefined || type === undefined) return value;
  if (type.kind === 'bytes' || type.kind === 'records') return Buffer.from(String(value), 'base64');
  if (type.kind === 'array' && Array.isArray(value)) return value.map(element => revivedValue(type.of.type, element));
  return type.kind === 'struct' && typeof value === 'object' ? revived(type.shape, value) : value;
}

function encode({ api, part, version }: Case, body: object): string {
  const { chunks } = part === 'request' ? encodeRequestFrame(api, version, 7, 'me', body) : encodeResponseFrame(api, version, 7, body);
  return Buffer.concat(chunks).toString('hex', 4);
}

function decode({ api, part, version }: Case, bytes: Buffer): object {
  if (part === 'response') {
    assert.equal(readCorrelationId(bytes), 7);
    return decodeResponseBody(api, version, bytes);
  }
  const reader = new Reader(bytes);
  assert.deepEqual(decodeRequestHeader(reader), { apiKey: api.key, apiVersion: version, correlationId: 7, clientId: 'me' });
  return decodeRequestBody(api, version, reader);
}

for (const one of allCases) {
  test(`${title(one)} is written and read as Kafka's own classes do`, () => {
    const frames = golden.get(title(one)) ?? [];
    assert.equal(frames[0]?.set, 'full', 'no golden frame: run test/golden/protocol/make.js');
    for (const { set, body: written, frame } of frames) {
      const body = revived(one.shape, written);
      const bytes = Buffer.from(frame, 'hex');
      const decoded = decode(one, bytes);
      assert.deepEqual(decoded, completed(one.shape, one.version, body), set);
      assert.equal(encode(one, body), frame, set);
      assert.equal(encode(one, decoded), frame, `${set}, encoded again`);
      for (let end = 0; end < bytes.length; end++)
        assert.throws(() => decode(one, bytes.subarray(0, end)), ProtocolError, `${set}, cut off at ${end}`);
      for (const more of ['00', 'ff', '00000000'])
        assert.throws(() => decode(one, Buffer.from(frame + more, 'hex')), /bytes are left at/, `${set}, followed by ${more}`);
    }
  });
}

test('there are golden frames of nothing else', () => {
  assert.deepEqual([...golden.keys()].sort(), allCases.map(title).sort());
});
