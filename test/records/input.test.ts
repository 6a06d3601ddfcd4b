import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBytes, toHeaders, toTimestamp } from '../../src/records/index.js';

const input = (message: string) => ({ name: 'InputError', code: 'TIDE_INPUT', message });

test('keys and values are bytes, strings or null', () => {
  for (const good of [null, '', 'text', new Uint8Array(3), Buffer.from('x')]) assert.equal(toBytes(good, 'value'), good);
});

test('anything else is an error that says what it was, and not what it held', () => {
  const got = (value: unknown, what: string): void =>
    assert.throws(() => toBytes(value, 'value'), input(`value must be a Uint8Array, a string or null, got ${what}`));
  got(undefined, 'undefined');
  got(42, 'a number');
  got(true, 'a boolean');
  got(10n, 'a bigint');
  got(Symbol('s'), 'a symbol');
  got(() => 1, 'a function');
  got({ secret: 1 }, 'an object');
  got(Object.create(null), 'an object');
  got([1, 2], 'an array of 2');
  got(new Date(), 'an object (Date)');
  got(new ArrayBuffer(4), 'an object (ArrayBuffer)');
  got(new Uint16Array(4), 'an object (Uint16Array)');
});

test('headers are a list of pairs or a plain object', () => {
  const list = [
    ['a', '1'],
    ['a', null],
    ['__proto__', Buffer.from('2')],
  ] as const;
  assert.deepEqual(toHeaders(list, 'headers'), list);
  assert.deepEqual(toHeaders({ a: '1', b: null }, 'headers'), [
    ['a', '1'],
    ['b', null],
  ]);
  assert.deepEqual(toHeaders(Object.assign(Object.create(null), { constructor: 'x' }), 'headers'), [['constructor', 'x']]);
  assert.deepEqual(toHeaders(JSON.parse('{"__proto__":"own"}'), 'headers'), [['__proto__', 'own']]);
  assert.deepEqual(toHeaders([], 'headers'), []);
  assert.equal(toHeaders(undefined, 'headers'), undefined);
});

test('headers that cannot be are an error that says which', () => {
  const refused = (headers: unknown, message: string): void => assert.throws(() => toHeaders(headers, 'headers'), input(message));
  refused(null, 'headers must be a list of [name, value] pairs or a plain object, got null');
  refused('a=1', 'headers must be a list of [name, value] pairs or a plain object, got a string');
  refused(new Map([['a', '1']]), 'headers must be a list of [name, value] pairs or a plain object, got an object (Map)');
  refused([['a', '1'], 'b'], 'headers[1] must be a pair [name, value], got a string');
  refused([['a']], 'headers[0] must be a pair [name, value], got an array of 1');
  refused([[1, 'x']], 'headers[0]: the name must be a string, got a number');
  refused({ a: '1', trace: undefined }, 'headers[1], the value of "trace", must be a Uint8Array, a string or null, got undefined');
});

test('timestamps are whole milliseconds', () => {
  assert.equal(toTimestamp(0, 'timestamp'), 0);
  assert.equal(toTimestamp(1_700_000_000_000, 'timestamp'), 1_700_000_000_000);
  for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(() => toTimestamp(bad, 'timestamp'), input(`timestamp must be whole milliseconds since 1970, got ${bad}`));
  }
  assert.throws(() => toTimestamp(new Date(), 'timestamp'), input('timestamp must be whole milliseconds since 1970, got an object (Date)'));
});
