/** Up to so many characters the call into native code costs more than it saves (bench/records.ts). */
const nativeFromLength = 32;

/** Writes `text` as UTF-8 from `at` on, where 3 bytes are free for each of its UTF-16 units; gives how many bytes that took. */
export function putUtf8(target: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length >= nativeFromLength) return target.write(text, at);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return target.write(text, at);
    target[at + i] = code;
  }
  return length;
}
