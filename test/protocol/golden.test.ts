import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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
import { allCases, completed, title } from './messages.js';

/** Frames that Kafka's own classes wrote, and what they say. See test/golden/protocol/make.ts. */
const golden = new Map<string, { readonly body: object; readonly frame: string }>(
  readFileSync(join(PROJECT_ROOT, 'test/golden/protocol/frames.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .map(({ api, part, version, body, frame }) => [`${api} v${version} ${part}`, { body, frame }]),
);

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

for (const one of allCases) {
  test(`${title(one)} is written and read as Kafka's own classes do`, () => {
    const expected = golden.get(title(one));
    assert.ok(expected, 'no golden frame: run test/golden/protocol/make.js');
    const { api, part, version, shape } = one;
    const body = revived(shape, expected.body);
    const bytes = Buffer.from(expected.frame, 'hex');
    if (part === 'request') {
      const frame = encodeRequestFrame(api, version, 7, 'me', body);
      assert.equal(Buffer.concat(frame.chunks).toString('hex', 4), expected.frame);
      const reader = new Reader(bytes);
      assert.deepEqual(decodeRequestHeader(reader), { apiKey: api.key, apiVersion: version, correlationId: 7, clientId: 'me' });
      assert.deepEqual(decodeRequestBody(api, version, reader), completed(shape, version, body));
    } else {
      const frame = encodeResponseFrame(api, version, 7, body);
      assert.equal(Buffer.concat(frame.chunks).toString('hex', 4), expected.frame);
      assert.equal(readCorrelationId(bytes), 7);
      assert.deepEqual(decodeResponseBody(api, version, bytes), completed(shape, version, body));
    }
  });
}
