import type { MessageBatch } from '../../../src/consumer/index.js';
import type { BatchContext } from '../../../src/multiprocess/index.js';

export { valueDeserializer } from './making.js';

export const handleBatch = (batch: MessageBatch<Buffer, string>, { attempt }: BatchContext) =>
  `${Array.from(batch, ({ value }) => value).join()}#${attempt}`;
