import { isUtf8 } from 'node:buffer';
import { inspect } from 'node:util';

/** Longer text is cut, in bytes. */
const mostBytes = 500;
const control = /(?![\t\n\r])\p{Cc}/u;

/** What `console.log` should show: bytes as text where they are text, all else as Node does. */
export function readable(bytes: unknown): unknown {
  if (!Buffer.isBuffer(bytes) || !isUtf8(bytes)) return bytes;
  const text = bytes.toString('utf8', 0, mostBytes);
  if (control.test(text)) return bytes;
  const rest = bytes.length > mostBytes ? `... ${bytes.length - mostBytes} more bytes` : '';
  return { [inspect.custom]: () => `<Buffer ${inspect(text)}${rest}>` };
}
