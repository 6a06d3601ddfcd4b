import type { MessageBatch } from '../../../src/consumer/index.js';

export { keyDeserializer, valueDeserializer } from './json.js';

export const handleBatch = (batch: MessageBatch<string, { readonly id: number }>) =>
  [...batch].map(({ key, value }) => `${key} ${value?.id}`).join(', ');
