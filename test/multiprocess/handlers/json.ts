import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

export const keyDeserializer = async (bytes: Buffer) => bytes.toString().toUpperCase();
export const valueDeserializer = (bytes: Buffer) => JSON.parse(bytes.toString());

export default function handle({ key, value }: Message<string, { readonly id: number }>, { attempt }: MessageContext) {
  return `${key} ${value?.id} #${attempt}`;
}
