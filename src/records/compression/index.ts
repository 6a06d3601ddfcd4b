import { InputError, KafkaError, UnsupportedError } from '../../base/errors.js';
import { show } from '../../base/options.js';
import { corrupt } from '../corrupt.js';
import type { RecordSource } from '../layout.js';
import { AT_ONCE_BYTES, type Codec, type CompressionName, OutputLimitError } from './codec.js';
import { gzip } from './gzip.js';
import { lz4 } from './lz4.js';
import { snappy } from './snappy.js';
import { zstd } from './zstd.js';

export { type Codec, type CompressionName, OutputLimitError } from './codec.js';
export { rawSnappy } from './snappy.js';

const none: Codec = { name: 'none', compress: bytes => bytes, decompress: bytes => bytes };

/** Every codec of Kafka, at the place of its number. */
const codecs: Codec[] = [none, gzip, snappy, lz4, zstd];

/** The names of all codecs, in the order of their numbers. */
export const compressionNames: readonly CompressionName[] = codecs.map(({ name }) => name);

/** The number that stands for `name` in the attributes of a batch. */
export const compressionId = (name: CompressionName): number => compressionNames.indexOf(name);

/** What a number in the attributes of a batch stands for; undefined for 5, 6 and 7, which mean nothing. */
export const compressionName = (id: number): CompressionName | undefined => compressionNames[id];

/** The codec that is used for `name` now. */
export function codecOf(name: CompressionName): Codec {
  const codec = codecs[compressionId(name)];
  if (codec === undefined) throw new UnsupportedError(`compression ${show(name)} is not one of ${compressionNames.join(', ')}`);
  return codec;
}

/**
 * Uses `codec` from now on for what has its name, in all of this process: another library, or another way of writing.
 * @returns The codec it replaces.
 * @throws KafkaError `TIDE_INPUT` unless it is a codec with the name of one of Kafka's.
 */
export function registerCodec(codec: Codec): Codec {
  if (typeof codec !== 'object' || codec === null) throw new InputError(`registerCodec: expected a codec, got ${show(codec)}`);
  const { name, compress, decompress } = codec;
  const id = compressionId(name);
  if (id < 1) throw new InputError(`registerCodec: expected a codec named ${compressionNames.slice(1).join(', ')}, got ${show(name)}`);
  if (typeof compress !== 'function' || typeof decompress !== 'function') {
    throw new InputError(`registerCodec: "${name}" needs the methods compress and decompress`);
  }
  const replaced = codecOf(name);
  codecs[id] = codec;
  return replaced;
}

/**
 * `bytes` compressed.
 * @throws UnsupportedError where this codec is not available.
 */
export function compress(name: CompressionName, bytes: Uint8Array, level?: number): Uint8Array {
  const codec = codecOf(name);
  const [lowest = 0, highest = -1] = codec.levels ?? [];
  if (level !== undefined && !(Number.isInteger(level) && level >= lowest && level <= highest)) {
    throw new InputError(
      `compression ${name} has ${codec.levels === undefined ? 'no levels' : `levels from ${lowest} to ${highest}`}, got ${show(level)}`,
    );
  }
  const output: unknown = codec.compress(bytes, level);
  if (output instanceof Uint8Array) return output;
  throw new InputError(`the codec for ${name} gave ${show(output)} when it compressed, expected bytes`);
}

/**
 * What was compressed into `bytes`, in memory of its own.
 * @param maxBytes The most that it may be: no more is ever held. Default 134,217,728 (128 MiB).
 * @throws UnsupportedError where this codec is not available; {@link OutputLimitError}; any other error says that the bytes are damaged.
 */
export function decompress(name: CompressionName, bytes: Uint8Array, maxBytes: number = 128 * 2 ** 20): Uint8Array {
  return codecOf(name).decompress(bytes, maxBytes);
}

/** What is compressed, and what its error names. */
export interface Compressed {
  readonly name: CompressionName;
  readonly bytes: Uint8Array;
  /** The most that it may be when decompressed. */
  readonly maxBytes: number;
  readonly source: RecordSource;
  /** The first offset of the batch. */
  readonly offset: number;
  /** True for message format v0. */
  readonly oldFormat: boolean;
}

/**
 * What was compressed, in memory of its own.
 * @throws UnsupportedError where this codec is not available.
 * @throws KafkaError `TIDE_TOO_LARGE` when it would be more than `maxBytes`: no more than that is ever held.
 * @throws CorruptRecordError when the bytes are damaged.
 */
export function decompressRecords(data: Compressed): Uint8Array {
  try {
    return checked(data, codecOf(data.name).decompress(data.bytes, data.maxBytes, data.oldFormat));
  } catch (error) {
    throw explained(data, error);
  }
}

/** The same, at once where that is at most 16 MiB; else it awaits `turn` now and then. Throws, or rejects, as {@link decompressRecords}. */
export function decompressInTurns(data: Compressed, turn: () => Promise<void>): Uint8Array | Promise<Uint8Array> {
  const { name, bytes, maxBytes, oldFormat } = data;
  const codec = codecOf(name);
  if (maxBytes <= AT_ONCE_BYTES || codec.decompressInTurns === undefined) return decompressRecords(data);
  try {
    return checked(data, codec.decompress(bytes, AT_ONCE_BYTES, oldFormat));
  } catch (error) {
    if (!(error instanceof OutputLimitError)) throw explained(data, error);
  }
  return inTurns(data, codec, turn);
}

async function inTurns(data: Compressed, codec: Codec, turn: () => Promise<void>): Promise<Uint8Array> {
  try {
    return checked(data, await codec.decompressInTurns?.(data.bytes, data.maxBytes, turn, data.oldFormat));
  } catch (error) {
    throw explained(data, error);
  }
}

/** Codecs need not be ours: what they give is looked at. */
function checked({ name, maxBytes }: Compressed, output: unknown): Uint8Array {
  if (!(output instanceof Uint8Array)) throw new Error(`its codec gave ${show(output)}, expected bytes`);
  if (name !== 'none' && output.length > maxBytes) throw new OutputLimitError();
  return output;
}

function explained({ name, bytes, maxBytes, source, offset }: Compressed, error: unknown): unknown {
  if (error instanceof KafkaError) return error;
  if (!(error instanceof OutputLimitError)) return corrupt(source, offset, `its ${name} data is damaged`, error);
  const { topic, partition } = source;
  return new KafkaError(
    'TIDE_TOO_LARGE',
    `records of ${topic}/${partition} at offset ${offset}: ${bytes.length} bytes of ${name} are more than maxDecompressedBytes (${maxBytes}) when decompressed`,
    { context: { topic, partition, offset, maxDecompressedBytes: maxBytes } },
  );
}
