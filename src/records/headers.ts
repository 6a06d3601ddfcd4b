import { FastBuffer } from './fast-buffer.js';
import { VarintCursor } from './varint-cursor.js';

/** The headers of a message in the order they were written; a name may come more than once. */
export type HeaderList = ReadonlyArray<readonly [name: string, value: Buffer | null]>;

/** What every message without headers has. */
export const NO_HEADERS: HeaderList = Object.freeze([]);

/** Reads the headers whose count stands at `at`, in bytes that were checked before: values are views, names are UTF-8 (lossy when they are not). */
export function readHeaders(bytes: Buffer, at: number): HeaderList {
  const cursor = new VarintCursor(bytes, at);
  const count = cursor.varint();
  const headers: [string, Buffer | null][] = [];
  for (let i = 0; i < count; i++) {
    const nameLength = cursor.varint();
    const name = bytes.toString('utf8', cursor.at, (cursor.at += nameLength));
    const valueLength = cursor.varint();
    headers.push([name, valueLength < 0 ? null : new FastBuffer(bytes.buffer, bytes.byteOffset + cursor.at, valueLength)]);
    if (valueLength > 0) cursor.at += valueLength;
  }
  return headers;
}

/** The position behind the headers whose count stands at `at`, in bytes that were checked before. */
export function endOfHeaders(bytes: Buffer, at: number): number {
  const cursor = new VarintCursor(bytes, at);
  const strings = cursor.varint() * 2; // a name and a value each
  for (let i = 0; i < strings; i++) {
    const length = cursor.varint();
    if (length > 0) cursor.at += length;
  }
  return cursor.at;
}
