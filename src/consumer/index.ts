export type { AutoCommit } from './auto-commit.js';
export type { GetOptions, Marking } from './core.js';
export type { Markable } from './marking.js';
export { MessageBatch } from './message-batch.js';
export type { AutoOffsetReset } from './offset-reset.js';
export type { OutOfRange } from './placing.js';
export type { OnCorrupt, PassedOver } from './prefetched.js';
export { type ConsumerEvents, SimpleConsumer } from './simple-consumer.js';
export type { SimpleConsumerOptions } from './simple-consumer-options.js';
