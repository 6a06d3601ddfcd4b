import { crc32 as ofBytes } from 'node:zlib';

/** The CRC-32 (ISO 3309) of `bytes` from `start` up to `end`, as an unsigned 32-bit number: the checksum of message formats v0 and v1. */
export const crc32 = (bytes: Uint8Array, start = 0, end: number = bytes.length): number => ofBytes(bytes.subarray(start, end));
