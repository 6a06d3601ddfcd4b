import { KafkaError, UnsupportedError } from '../../base/errors.js';
import { corrupt } from '../corrupt.js';
import type { RecordSource } from '../layout.js';
import { type Codec, type CompressionName, OutputLimitError } from './codec.js';
import { gzip } from './gzip.js';

export type { CompressionName } from './codec.js';

/** A codec whose number is known and whose bytes are not. */
function missing(id: number, name: CompressionName): Codec {
  const refuse = (): never => {
    throw new UnsupportedError(`compression "${name}" is not available in this version of tidemark`, { context: { compression: name } });
  };
  return { id, name, compress: refuse, decompress: refuse };
}

const none: Codec = { id: 0, name: 'none', compress: bytes => bytes, decompress: bytes => bytes };

/** Every codec of Kafka, at the place of its number. */
const codecs: readonly Codec[] = [none, gzip, missing(2, 'snappy'), missing(3, 'lz4'), missing(4, 'zstd')];

/** The names of all codecs, in the order of their numbers. */
export const compressionNames: readonly CompressionName[] = codecs.map(codec => codec.name);

/** The number that stands for `name` in the attributes of a batch. */
export const compressionId = (name: CompressionName): number => compressionNames.indexOf(name);

/** What a number in the attributes of a batch stands for; undefined for 5, 6 and 7, which mean nothing. */
export const compressionName = (id: number): CompressionName | undefined => compressionNames[id];

/**
 * `bytes` compressed.
 * @throws UnsupportedError where this codec is not available.
 */
export function compress(name: CompressionName, bytes: Uint8Array, level?: number): Uint8Array {
  return codecOf(name).compress(bytes, level);
}

/**
 * What was compressed into `bytes`, in memory of its own.
 * @param offset The first offset of the batch, for the message of an error.
 * @throws UnsupportedError where this codec is not available.
 * @throws KafkaError `TIDE_TOO_LARGE` when it would be more than `maxBytes`: no more than that is ever held.
 * @throws CorruptRecordError when the bytes are damaged.
 */
export function decompress(name: CompressionName, bytes: Uint8Array, maxBytes: number, source: RecordSource, offset: number): Uint8Array {
  const codec = codecOf(name);
  try {
    return codec.decompress(bytes, maxBytes);
  } catch (error) {
    if (error instanceof KafkaError) throw error;
    if (!(error instanceof OutputLimitError)) throw corrupt(source, offset, `its ${name} data is damaged`, error);
    const { topic, partition } = source;
    throw new KafkaError(
      'TIDE_TOO_LARGE',
      `records of ${topic}/${partition} at offset ${offset}: ${bytes.length} bytes of ${name} are more than maxDecompressedBytes (${maxBytes}) when decompressed`,
      { context: { topic, partition, offset, maxDecompressedBytes: maxBytes } },
    );
  }
}

function codecOf(name: CompressionName): Codec {
  const codec = codecs.find(each => each.name === name);
  if (codec === undefined) throw new UnsupportedError(`compression "${name}" is not one of ${compressionNames.join(', ')}`);
  return codec;
}
