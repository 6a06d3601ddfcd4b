export type { AutoCommit } from './auto-commit.js';
export type { GetOptions, Markable, Marking } from './core.js';
export { MessageBatch } from './message-batch.js';
export type { AutoOffsetReset } from './offset-reset.js';
export type { OutOfRange } from './placing.js';
export { type ConsumerEvents, SimpleConsumer, type SimpleConsumerOptions } from './simple-consumer.js';
