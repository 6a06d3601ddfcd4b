import { Reader } from '../../bytes/reader.js';

/** The kind of classic groups whose members are consumers: only of those is known what their bytes mean. */
export const CONSUMER = 'consumer';

/** The topics of a consumer's subscription. Undefined when the bytes are something else. */
export function topicsOf(metadata: Buffer): readonly string[] | undefined {
  return read(metadata, reader => list(reader, text));
}

/** The partitions of a consumer's assignment, as `topic/partition`. Undefined when the bytes are something else. */
export function partitionsOf(assignment: Buffer): readonly string[] | undefined {
  return read(assignment, reader =>
    list(reader, each => {
      const topic = text(each);
      return list(each, partition => `${topic}/${partition.int32()}`);
    }).flat(),
  );
}

/** Every version begins as the first does, behind its number. */
function read<T>(bytes: Buffer, body: (reader: Reader) => T): T | undefined {
  const reader = new Reader(bytes);
  try {
    reader.int16();
    return body(reader);
  } catch {
    return undefined; // another kind of consumer: it may write what it likes
  }
}

const text = (reader: Reader): string => reader.string(reader.int16());

function list<T>(reader: Reader, element: (reader: Reader) => T): T[] {
  const elements: T[] = [];
  for (let left = reader.int32(); left > 0; left--) elements.push(element(reader)); // each takes bytes: it ends at the end
  return elements;
}
