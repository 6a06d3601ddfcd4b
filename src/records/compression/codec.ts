/** The names of Kafka's compression codecs. */
export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Output of more bytes than this is made piece by piece, so that timers and sockets get their turn meanwhile. */
export const AT_ONCE_BYTES = 16 * 2 ** 20;

/** How the records of a batch are made smaller. One is built in for each of Kafka's; `registerCodec` puts another in its place. */
export interface Codec {
  readonly name: CompressionName;
  /** The lowest and the highest `compressionLevel`; undefined when it has none. */
  readonly levels?: readonly [lowest: number, highest: number] | undefined;
  /** @param level How hard to try, within {@link levels}; undefined for the codec's own default. */
  compress(bytes: Uint8Array, level?: number | undefined): Uint8Array;
  /**
   * Gives memory of its own.
   * @param oldFormat True for message format v0, whose writers had bugs that must be forgiven.
   * @throws OutputLimitError before it holds more than `maxBytes`; any other error says that the bytes are damaged.
   */
  decompress(bytes: Uint8Array, maxBytes: number, oldFormat?: boolean): Uint8Array;
  /** The same for output of more than 16 MiB; awaits `turn` now and then. Default: {@link decompress}, in one go. */
  decompressInTurns?(bytes: Uint8Array, maxBytes: number, turn: () => Promise<void>, oldFormat?: boolean): Promise<Uint8Array>;
}

/** What a codec throws when its output would pass the bound. */
export class OutputLimitError extends Error {
  override readonly name = 'OutputLimitError';
}

/** What a decoder gives that can be interrupted: it yields now and then, and returns all that was decompressed. */
export type Decoding = Generator<void, Uint8Array, void>;

/** How many bytes a {@link Decoding} makes between two yields. */
export const PIECE_BYTES = 4 * 2 ** 20;

/** All of it at once. */
export function inOneGo(decoding: Decoding): Uint8Array {
  for (;;) {
    const { done, value } = decoding.next();
    if (done === true) return value;
  }
}

/** Awaits `turn` after each piece. */
export async function inTurns(decoding: Decoding, turn: () => Promise<void>): Promise<Uint8Array> {
  for (;;) {
    const { done, value } = decoding.next();
    if (done === true) return value;
    await turn();
  }
}

/** Memory for `bytes` of output that were announced. @throws OutputLimitError when they are more than `maxBytes`. */
export function outputOf(bytes: number, maxBytes: number): Buffer {
  if (bytes > maxBytes) throw new OutputLimitError();
  return Buffer.allocUnsafeSlow(bytes);
}

/** What was made in memory of the greatest size it could have had; moved when most of that was not needed. */
export function trimmed(output: Buffer, length: number): Buffer {
  if (length === output.length) return output;
  return length > output.length / 2 ? output.subarray(0, length) : Buffer.copyBytesFrom(output, 0, length);
}
