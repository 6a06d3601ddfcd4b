import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

/** Makes text, at once or in a while; ends its thread, or does not come to an end. */
export async function valueDeserializer(bytes: Buffer): Promise<string> {
  const text = bytes.toString();
  if (text === 'exit') process.exit(1);
  if (text === 'spin') for (;;);
  if (text === 'hang') await new Promise(() => {});
  return text;
}

export default ({ value }: Message<Buffer, string>, { attempt }: MessageContext) => `${value}#${attempt}`;
