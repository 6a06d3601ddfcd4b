import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProtocolError } from '../../src/base/errors.js';
import {
  type Api,
  ApiVersions,
  apisByKey,
  DescribeClientQuotas,
  DescribeGroups,
  decodeResponseBody,
  encodeResponseFrame,
  Fetch,
  OffsetFetch,
  type ResponseOf,
  readCorrelationId,
  SaslAuthenticate,
} from '../../src/protocol/index.js';
import type { Answer } from '../golden/captured/capture.js';
import { captured } from '../golden/captured/releases.js';
import { PROJECT_ROOT } from '../kafka/project.js';

/** Answers of real brokers, as they came. See test/golden/captured/make.ts. */
const answers: readonly Answer[] = readFileSync(join(PROJECT_ROOT, 'test/golden/captured/answers.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line));

const apis = new Map<string, Api>([...apisByKey.values()].map(api => [api.name, api]));

function apiOf({ api }: Answer): Api {
  const found = apis.get(api);
  assert.ok(found, `an answer to ${api}, which is not an API of ours`);
  return found;
}

for (const release of captured) {
  const own = answers.filter(answer => answer.release === release);

  test(`what Kafka ${release} answers is read, and written as it came`, () => {
    for (const answer of own) {
      const api = apiOf(answer);
      const bytes = Buffer.from(answer.frame, 'hex');
      const body = decodeResponseBody(api, answer.version, bytes);
      const { chunks } = encodeResponseFrame(api, answer.version, readCorrelationId(bytes), body);
      assert.equal(Buffer.concat(chunks).toString('hex', 4), answer.frame, `${answer.api} v${answer.version}`);
    }
  });

  test(`what Kafka ${release} answers is refused where it is cut off, and with more behind it`, () => {
    for (const answer of own) {
      const api = apiOf(answer);
      const bytes = Buffer.from(answer.frame, 'hex');
      const step = bytes.length > 2000 ? 7 : 1;
      for (let end = 0; end < bytes.length; end += step)
        assert.throws(() => decodeResponseBody(api, answer.version, bytes.subarray(0, end)), ProtocolError, `${answer.api} at ${end}`);
      assert.throws(() => decodeResponseBody(api, answer.version, Buffer.concat([bytes, Buffer.alloc(1)])), /1 bytes are left at/);
    }
  });

  test(`there is an answer of Kafka ${release} for every version that both sides know`, () => {
    const offer = own.find(({ api, version }) => api === 'ApiVersions' && version === 0);
    assert.ok(offer);
    const there = new Set(own.map(({ api, version }) => `${api} v${version}`));
    const missing = decodeResponseBody(ApiVersions, 0, Buffer.from(offer.frame, 'hex')).apiKeys.flatMap(
      ({ apiKey, minVersion, maxVersion }) => {
        const api = apisByKey.get(apiKey);
        if (api === undefined) return [];
        const [first, last] = [Math.max(minVersion, api.versions[0]), Math.min(maxVersion, api.versions[1])];
        return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => `${api.name} v${first + index}`).filter(
          name => !there.has(name),
        );
      },
    );
    assert.deepEqual(missing, release.startsWith('4.') ? ['Produce v2'] : []); // Kafka from 4.0 on lists it and refuses it (KAFKA-18659)
  });
}

test('what was captured says what it should', () => {
  const of = <A extends Api>(api: A, release: string, version: number): ResponseOf<A> => {
    const found = answers.findLast(answer => answer.api === api.name && answer.release === release && answer.version === version);
    assert.ok(found, `${api.name} v${version} of ${release}`);
    return decodeResponseBody(api, version, Buffer.from(found.frame, 'hex'));
  };
  const [fetched] = of(Fetch, '1.1.1', 4).responses[0]?.partitions ?? [];
  assert.ok((fetched?.abortedTransactions ?? []).length > 0, 'transactions were aborted');
  const [group] = of(DescribeGroups, '2.8.2', 4).groups;
  assert.deepEqual([group?.groupState, group?.members[0]?.clientId], ['Stable', 'raw']);
  const [committed] = of(OffsetFetch, '4.3.1', 10).groups[0]?.topics ?? [];
  assert.deepEqual(
    committed?.partitions.map(({ committedOffset, metadata }) => [committedOffset, metadata]),
    [
      [1, 'half way'],
      [0, ''], // given as null
      [-1, ''],
    ],
  );
  const [quota] = of(DescribeClientQuotas, '3.9.2', 1).entries ?? [];
  assert.deepEqual([quota?.entity[0]?.entityName, quota?.values[0]?.value], ['eve', 12.5]);
  assert.equal(of(SaslAuthenticate, '4.1.2', 2).errorCode, 58);
});
