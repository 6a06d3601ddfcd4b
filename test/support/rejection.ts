import assert from 'node:assert/strict';
import { KafkaError } from '../../src/base/errors.js';

/** The error a promise is rejected with. @throws AssertionError when it is not, or with something else. */
export async function rejection(promise: Promise<unknown>): Promise<KafkaError> {
  const error = await promise.then(
    () => assert.fail('it must fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KafkaError, String(error));
  return error;
}
