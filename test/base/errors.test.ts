import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerError, errorNumbers } from '../../src/base/broker-errors.js';
import { ConnectionError } from '../../src/base/errors.js';

test('an error in a log of JSON lines says what happened, and why', () => {
  const cause = new ConnectionError('connect to a:1: refused', { cause: new TypeError('why'), context: { broker: 'a:1' } });
  const error = brokerError(errorNumbers.NOT_COORDINATOR, 'commit', { cause, context: { groupId: 'billing' } });
  const { name, message, code, errno, context, cause: told } = JSON.parse(JSON.stringify({ error })).error;
  assert.deepEqual([name, message, code, errno, context], [error.name, error.message, 'NOT_COORDINATOR', 16, { groupId: 'billing' }]);
  assert.deepEqual(
    [told.message, told.code, told.retriable, told.cause],
    ['connect to a:1: refused', 'TIDE_CONNECTION', true, 'TypeError: why'],
  );
});
