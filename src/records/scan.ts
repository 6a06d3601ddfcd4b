import { HEADER_BYTES, LAST_OFFSET_DELTA_AT, LEADER_EPOCH_AT, LENGTH_AT, LENGTH_END, MAGIC_AT } from './layout.js';

/** What a look at the lengths alone tells of a fetch answer's records; no checksum was looked at. */
export interface Scan {
  /** The offset behind the last whole batch; undefined when there is none. */
  readonly nextOffset: number | undefined;
  /** Bytes of the whole batches. */
  readonly wholeBytes: number;
  /** Size of the batch that was cut short at the end, if its length is there; 0 when none was. Unchecked: bound it. */
  readonly bytesNeeded: number;
}

/**
 * Where the records of one fetch answer end, without reading them: the next fetch can be sent before anyone has looked at these.
 * Stops at the first length that cannot be; reading will say what is wrong there.
 * @param each Told of each whole batch: its first offset, the offset behind it, and the epoch of the leader that appended it; -1 for formats v0 and v1.
 */
export function scanBatches(bytes: Uint8Array, each?: (baseOffset: number, nextOffset: number, leaderEpoch: number) => void): Scan {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let nextOffset: number | undefined;
  let at = 0;
  while (bytes.length - at >= LENGTH_END) {
    const size = LENGTH_END + view.getInt32(at + LENGTH_AT);
    if (size <= MAGIC_AT) break;
    if (size > bytes.length - at) return { nextOffset, wholeBytes: at, bytesNeeded: size };
    // Formats v0 and v1: a compressed message has the offset of the last one in it.
    const hasDelta = view.getInt8(at + MAGIC_AT) === 2 && size >= HEADER_BYTES;
    const offset = Number(view.getBigInt64(at));
    nextOffset = offset + (hasDelta ? view.getInt32(at + LAST_OFFSET_DELTA_AT) : 0) + 1;
    each?.(offset, nextOffset, hasDelta ? view.getInt32(at + LEADER_EPOCH_AT) : -1);
    at += size;
  }
  return { nextOffset, wholeBytes: at, bytesNeeded: 0 };
}
