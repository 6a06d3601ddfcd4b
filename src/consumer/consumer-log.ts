import { KafkaError } from '../base/errors.js';
import type { TypedEvents } from '../base/events.js';
import type { Log } from '../base/log.js';
import type { ConsumerEvents } from './consumer-events.js';

/** Has a log say what the listeners of a consumer are told. */
export function logEvents(log: Log, groupId: string | undefined, consumer: Pick<TypedEvents<ConsumerEvents>, 'on'>): void {
  const group = groupId === undefined ? {} : { groupId };
  consumer
    .on('outOfRange', ({ topic, partition, requestedOffset, newOffset, why }) => {
      const where = newOffset === undefined ? {} : { newOffset };
      log.say('Consumer', 'warn', 'offset not in the log', { topic, partition, requestedOffset, ...where, why });
    })
    .on('corruptRecords', ({ topic, partition, offset, nextOffset, error }) => {
      log.say('Consumer', 'warn', 'damaged records', { topic, partition, offset, nextOffset, error: error.message });
    })
    .on('deserializationFailed', ({ topic, partition, offset, part, error }) => {
      log.say('Consumer', 'warn', 'not deserialised', { topic, partition, offset, part, error: error.message });
    })
    .on('poisoned', ({ topic, partition, offset, attempts, to, error }) => {
      const where = to === 'skipped' ? to : to.topic;
      log.say('Consumer', 'warn', 'a message was given up', { topic, partition, offset, attempts, to: where, error: error.message });
    })
    .on('threadReplaced', ({ threadIndex, error }) => {
      log.say('Consumer', 'warn', 'a thread was replaced', { thread: threadIndex, error: error.message });
    })
    .on('rebalance', ({ partitions, groupProtocol, generationId, durationMs }) => {
      const list = partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(' ');
      log.say('Consumer', 'info', 'the group is at rest', {
        ...group,
        groupProtocol,
        generationId,
        partitions: list,
        durationMs: Math.round(durationMs),
      });
    })
    .on('lost', ({ partitions, error }) => {
      log.say('Consumer', 'warn', 'partitions were lost', { ...group, count: partitions.length, error: error.message });
    })
    .on('marksDropped', ({ topic, partition, offset, count, error }) => {
      log.say('Consumer', 'warn', 'messages in hand do not count as done', { topic, partition, offset, count, error: error.message });
    })
    .on('callbackFailed', ({ callback, partitions, error }) => {
      log.say('Consumer', 'warn', 'a callback failed', { ...group, callback, count: partitions.length, error: error.message });
    })
    .on('heldBack', ({ topic, partition, offset, count, heldMs }) => {
      log.say('Consumer', 'warn', 'a message is not marked', { topic, partition, offset, count, heldMs: Math.round(heldMs) });
    })
    .on('committed', ({ offsets }) => {
      const list = offsets.map(({ topic, partition, offset }) => `${topic}/${partition}:${offset}`).join(' ');
      log.say('Consumer', 'debug', 'committed', { ...group, offsets: list });
    })
    .on('commitFailed', ({ error }) => {
      const code = error instanceof KafkaError ? { code: error.code } : {};
      log.say('Consumer', 'warn', 'an automatic commit failed', { ...group, ...code, error: error.message });
    });
}
