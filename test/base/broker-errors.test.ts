import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { brokerError, brokerErrorRow, errorAliases, errorNumbers } from '../../src/base/broker-errors.js';
import { BrokerError } from '../../src/base/errors.js';
import { PROJECT_ROOT } from '../kafka/project.js';

/** Where ours differs from what Kafka's own client calls retriable, and why. */
const unlikeJava = new Map([
  ['BROKER_NOT_AVAILABLE', 'fresh metadata leads to another broker'],
  ['ELECTION_NOT_NEEDED', 'it would be refused again'],
  ['REBOOTSTRAP_REQUIRED', 'the answer is to begin again from the bootstrap addresses, which needs nobody'],
]);

test('numbers, names and retriability are those of Kafka 4.3', () => {
  const golden = readFileSync(join(PROJECT_ROOT, 'test/golden/protocol/errors-4.3.1.txt'), 'utf8');
  const lines = golden.trim().split('\n');
  assert.equal(lines.length, Object.keys(errorNumbers).length);
  for (const line of lines) {
    const [code, name = '', retriable] = line.split(' ');
    const number = Number(code);
    assert.equal(brokerErrorRow(number).name, name);
    assert.equal(new Map(Object.entries(errorNumbers)).get(name), number);
    assert.equal(String(brokerError(number, 'x').retriable) === retriable, !unlikeJava.has(name), name);
  }
});

test('the message says what was refused, why, and what that means', () => {
  const error = brokerError(6, 'fetch orders/3 from broker 2', { context: { topic: 'orders' } });
  assert.ok(error instanceof BrokerError);
  assert.equal(error.message, 'fetch orders/3 from broker 2: NOT_LEADER_OR_FOLLOWER (6), the broker does not lead this partition any more');
  assert.deepEqual(
    [error.code, error.errno, error.retriable, error.persistence, { ...error.context }],
    ['NOT_LEADER_OR_FOLLOWER', 6, true, 'no', { topic: 'orders' }],
  );
  assert.match(
    brokerError(40, 'create orders', { message: 'Unknown topic config name: x' }).message,
    /INVALID_CONFIG \(40\), Unknown topic config/,
  );
});

test('an error number that nobody knows yet is reported, not thrown over', () => {
  assert.deepEqual(
    { ...brokerErrorRow(999), text: '' },
    { number: 999, name: 'UNKNOWN_CODE_999', remedy: 'none', text: '', persistence: 'maybe' },
  );
  assert.equal(brokerError(999, 'x').code, 'UNKNOWN_CODE_999');
});

test('a write is in doubt only where the broker may have done it', () => {
  const doubtful = Object.values(errorNumbers).filter(number => brokerErrorRow(number).persistence === 'maybe');
  assert.deepEqual(
    doubtful.map(number => brokerErrorRow(number).name),
    ['UNKNOWN_SERVER_ERROR', 'REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'KAFKA_STORAGE_ERROR'],
  );
});

test('old names lead to names that exist', () => {
  for (const [alias, name] of errorAliases) {
    assert.ok(name in errorNumbers, name);
    assert.ok(!(alias in errorNumbers), alias);
  }
});
