import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { errorCodeNamed, errorCodes } from '../../src/base/error-codes.js';
import { InputError, KafkaError, tideCodes } from '../../src/base/errors.js';

test("every number of Kafka's, and those from -1000 to -1019, has a name and a text", () => {
  const numbers = [...errorCodes.keys()];
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  );
  for (const number of Object.values(errorNumbers)) assert.equal(errorNumbers[errorCodes.get(number)?.name as 'NONE'], number);
  for (let number = -1000; number >= -1019; number--) assert.match(errorCodes.get(number)?.name ?? '', /^ERROR_[A-Z_]+$/);
  assert.equal(numbers.length, Object.keys(errorNumbers).length + 20);
  for (const { text } of errorCodes.values()) assert.ok(text.length > 5);
});

test('names of older clients and releases lead to the same rows', () => {
  const names: Readonly<Record<string, number>> = {
    NOT_LEADER_OR_FOLLOWER: 6,
    NOT_LEADER_FOR_PARTITION: 6,
    ERROR_NOT_LEADER_FOR_PARTITION: 6,
    NotLeaderForPartitionError: 6,
    UnknownTopicOrPartitionError: 3,
    InvalidFetchRequestError: 4,
    MessageSizeTooLargeError: 10,
    StaleLeaderEpochCodeError: 13,
    OffsetsLoadInProgressCode: 14,
    GROUP_LOAD_IN_PROGRESS_CODE: 14,
    ConsumerCoordinatorNotAvailableCode: 15,
    NotCoordinatorForConsumerError: 16,
    UNKNOWN: -1,
    NO_ERROR: 0,
    ERROR_SEND_NO_ACK: -1002,
    ERROR_NO_CONNECTION: -1018,
    TIDE_CORRUPT: -1015,
  };
  for (const [name, number] of Object.entries(names)) assert.equal(errorCodeNamed(name)?.number, number, name);
  assert.equal(errorCodeNamed('NO_SUCH_ERROR'), undefined);
  assert.equal(errorCodeNamed(''), undefined);
});

test('no alias has two meanings, and ours agree with the errors themselves', () => {
  const all = [...errorCodes.values()].flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.deepEqual(all, [...new Set(all)]);
  for (const code of tideCodes) assert.equal(errorCodeNamed(code)?.number, new KafkaError(code, '').errno, code);
  assert.equal(new InputError('').errno, -1000);
});

test('what may be tried again is said as the errors say it', () => {
  assert.equal(errorCodes.get(6)?.retriable, true);
  assert.equal(errorCodes.get(1)?.retriable, false);
  assert.equal(errorCodes.get(29)?.retriable, false);
});
