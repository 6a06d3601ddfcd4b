/** The names of Kafka's compression codecs. */
export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** One row of the table of codecs. */
export interface Codec {
  /** The number in the attributes of a batch. */
  readonly id: number;
  readonly name: CompressionName;
  /** @param level How hard to try, where the codec has levels; undefined for its own default. */
  compress(bytes: Uint8Array, level: number | undefined): Uint8Array;
  /** Gives memory of its own. @throws OutputLimitError before it holds more than `maxBytes`; any other error says the bytes are damaged. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}

/** What a codec throws when its output would pass the bound. */
export class OutputLimitError extends Error {
  override readonly name = 'OutputLimitError';
}
