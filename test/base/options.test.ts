import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, flag, type Given, integer, needed, nested, oneOf, optional, resolve, signalOf, text } from '../../src/base/options.js';

const rules = {
  name: needed(text('')),
  maxWaitMs: duration(500),
  limitMs: duration(1000, 1, true),
  count: integer(3, 1, 10),
  fast: flag(false),
  acks: oneOf('all', ['all', 1, 0], { everyone: 'all' }),
  rack: optional(text('')),
  retry: nested('Thing', 'retry', { attempts: integer(10, 1, 100) }),
};
const thing = (given: object) => resolve('Thing', rules, given as Given<typeof rules>);
const refused = (given: object, message: RegExp) =>
  assert.throws(() => thing({ name: 'x', ...given }), { code: 'TIDE_OPTION', errno: -1000, message });

test('what is not given, or undefined, is the default; the result is frozen', () => {
  const resolved = thing({ name: 'x', count: undefined });
  assert.deepEqual(resolved, {
    name: 'x',
    maxWaitMs: 500,
    limitMs: 1000,
    count: 3,
    fast: false,
    acks: 'all',
    rack: undefined,
    retry: { attempts: 10 },
  });
  assert.ok(Object.isFrozen(resolved) && Object.isFrozen(resolved.retry));
});

test('null as a time means no limit, where there may be none', () => {
  assert.equal(thing({ name: 'x', limitMs: null }).limitMs, Number.POSITIVE_INFINITY);
  refused({ maxWaitMs: null }, /Thing: "maxWaitMs" must be a number of ms/);
});

test('an alias stands for its value', () => {
  assert.equal(thing({ name: 'x', acks: 'everyone' }).acks, 'all');
});

test('a wrong value is named with what was expected and what was given', () => {
  refused({ count: 11 }, /^Thing: "count" must be an integer from 1 to 10, got 11$/);
  refused({ count: 1.5 }, /got 1\.5/);
  refused({ count: '3' }, /got "3"/);
  refused({ acks: 2 }, /"acks" must be one of "all", 1, 0, got 2/);
  refused({ fast: 'yes' }, /"fast" must be true or false/);
  refused({ retry: { attempts: 0 } }, /"retry\.attempts" must be an integer from 1 to 100, got 0/);
  refused({ retry: 3 }, /"retry" must be an object with attempts, got 3/);
  assert.throws(() => thing({}), { message: /Thing: "name" is required: a string that is not empty/ });
  assert.throws(() => resolve('Thing', rules, 7 as never), { message: /Thing: options must be an object, got 7/ });
});

test('an unknown option is refused, with the nearest known one', () => {
  refused({ maxWait: 5 }, /^Thing: unknown option "maxWait"; did you mean "maxWaitMs"\?$/);
  refused({ MaxWaitMS: 5 }, /did you mean "maxWaitMs"/);
  refused({ retry: { attempt: 3 } }, /unknown option "retry\.attempt"; did you mean "retry\.attempts"\?/);
  refused({ zzzzzzzzzz: 1 }, /^Thing: unknown option "zzzzzzzzzz"$/);
  refused(JSON.parse('{"__proto__": 1}'), /unknown option "__proto__"/);
});

test('an option that other clients call otherwise is known by that name too, where there is such an option', () => {
  const named = (given: object, known: Parameters<typeof resolve>[1], message: RegExp) =>
    assert.throws(() => resolve('Thing', known, given), { code: 'TIDE_OPTION', message });
  const on = flag(true);
  for (const name of ['bootstrapServers', 'bootstrap.servers', 'metadata.broker.list'])
    named({ [name]: 'x' }, { name: on, brokers: on }, /unknown option ".*"; did you mean "brokers"\?$/);
  named({ ssl: true }, { acks: on, tls: on }, /did you mean "tls"\?/);
  named({ retry: { retries: 3 } }, { retry: rules.retry }, /unknown option "retry\.retries"; did you mean "retry\.attempts"\?/);
  named({ retries: 3 }, { retry: rules.retry }, /did you mean "retry"\?/);
  named({ fromBeginning: true }, { startOffset: on, topic: on }, /did you mean "startOffset"\?/);
  named({ fromBeginning: true }, { autoOffsetReset: on, startOffset: on }, /did you mean "autoOffsetReset"\?/);
  named({ lingerMs: 5 }, { batchSend: on }, /did you mean "batchSend"\?/);
  named({ lingerMs: 5 }, { lingerMss: on, other: on }, /did you mean "lingerMss"\?/);
  named({ ssl: true }, { other: on }, /unknown option "ssl"$/);
});

test('a bigint is shown as one', () => {
  assert.throws(() => thing({ name: 'x', count: 0n }), { message: /got 0n$/ });
});

test('a long or secret-looking value is not repeated in the message', () => {
  refused({ count: 'x'.repeat(1000) }, /got a string of 1000 characters$/);
  refused({ count: Buffer.from('secret') }, /got 6 bytes$/);
});

test('a signal is one, whoever made it; what is none is refused, and so is everything beside it', () => {
  const stop = new AbortController();
  assert.equal(signalOf('close', { signal: stop.signal }), stop.signal);
  assert.deepEqual([signalOf('close', undefined), signalOf('close', {})], [undefined, undefined]);
  const foreign = { aborted: false, addEventListener() {} };
  assert.equal(signalOf('close', { signal: foreign as Partial<AbortSignal> as AbortSignal }), foreign);
  const wrong = (given: unknown, message: RegExp) =>
    assert.throws(() => signalOf('close', given as { signal: AbortSignal }), { code: 'TIDE_OPTION', message });
  for (const signal of [{}, 'x', 5, null, stop]) wrong({ signal }, /^close: "signal" must be an AbortSignal, got /);
  wrong(null, /^close: options must be an object, got null/);
  wrong({ sginal: stop.signal }, /^close: unknown option "sginal"; did you mean "signal"\?/);
});
