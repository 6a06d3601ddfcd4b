import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../../src/base/errors.js';
import { withPersistence } from '../../src/base/persistence.js';
import { remade } from '../../src/base/remade.js';

const first = new errors.BrokerError('TOPIC_AUTHORIZATION_FAILED', 'refused', { errno: 29 });
const context = { topic: 'orders' };
const one: Record<string, errors.KafkaError> = {
  KafkaError: new errors.KafkaError('TIDE_STATE', 'a bug', { context }),
  BrokerError: new errors.BrokerError('REQUEST_TIMED_OUT', 'late', { errno: 7, retriable: true, context }),
  ConnectionError: new errors.ConnectionError('lost', { errno: -1018, context }),
  TimeoutError: new errors.TimeoutError('no room', { code: 'TIDE_BUFFER_FULL', context }),
  ProtocolError: new errors.ProtocolError('not Kafka', { context }),
  CorruptRecordError: new errors.CorruptRecordError('damaged', { context }),
  DeserializationError: new errors.DeserializationError('no JSON', { context }),
  UnsupportedError: new errors.UnsupportedError('too old', { context }),
  AuthError: new errors.AuthError('wrong password', { context }),
  InputError: new errors.InputError('too large', { code: 'TIDE_TOO_LARGE', context }),
  StateError: new errors.StateError('TIDE_GROUP_IN_USE', 'live members', { context }),
  PartialError: new errors.PartialError('some failed', first, ['a', 'b'], { context }),
};

test('an error that is made anew keeps its class, its code and what it is about', () => {
  const classes = Object.entries(errors).flatMap(([name, value]) =>
    'prototype' in value && value.prototype instanceof errors.KafkaError ? [name] : [],
  );
  assert.deepEqual([...classes, 'KafkaError'].sort(), Object.keys(one).sort(), 'every class is looked at');
  for (const [name, error] of Object.entries(one)) {
    const again = remade(error, { persistence: 'maybe', retriable: !error.retriable });
    assert.deepEqual([again.name, again.constructor.name], [name, error.constructor.name]);
    const { code, message, errno } = error;
    assert.deepEqual(
      { code: again.code, message: again.message, errno: again.errno, context: again.context },
      { code, message, errno, context },
    );
    assert.deepEqual([again.persistence, again.retriable], ['maybe', !error.retriable], name);
    assert.equal(again.cause, error instanceof errors.PartialError ? first : error);
  }
  const partial = remade(one['PartialError'] ?? assert.fail(), {});
  assert.deepEqual(partial instanceof errors.PartialError && partial.results, ['a', 'b']);
});

test('an error that says already what is known stays the same', () => {
  const error = new errors.ConnectionError('lost', { persistence: 'maybe' });
  assert.equal(withPersistence(error, 'maybe'), error);
  assert.notEqual(withPersistence(error, 'maybe', -1002), error);
});

test('what is thrown and no error of ours is a bug, with what it was', () => {
  assert.equal(errors.asKafkaError(first, 'no'), first);
  const bug = new TypeError('x is not a function');
  const { code, message, cause, persistence } = errors.asKafkaError(bug, 'maybe');
  assert.deepEqual([code, message, cause, persistence], ['TIDE_STATE', 'x is not a function', bug, 'maybe']);
  assert.equal(errors.asKafkaError('text').message, 'text');
});
