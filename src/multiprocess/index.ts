export type { FleetSnapshot, ThreadSnapshot } from './crew.js';
export { MultiProcessConsumer, type RunOptions } from './multi-process-consumer.js';
export type { MultiProcessConsumerOptions } from './options.js';
export type { OnPoison } from './poison.js';
export type { ResultPlace } from './returns.js';
export type {
  BatchContext,
  BatchHandler,
  HandlerContext,
  MessageContext,
  MessageHandler,
  ThreadContext,
  ThreadLogger,
} from './thread/context.js';
export type { Ordering } from './thread-messages.js';
