import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PROJECT_ROOT } from '../kafka/project.js';
import { OWN_CODE } from './subject.js';

/** A defect that a decoder could have: some text of a compiled file, and what stands in its place. */
export interface Plant {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** A second line that would make up for the first. */
  readonly also?: { readonly from: string; readonly to: string };
  /** What the fuzzer must say of it. */
  readonly complaint: RegExp;
}

const endless = /it does not come to an end/;
const memory = /MiB of memory|out of memory|ends the process|allocation failed/i;
const thrown = /it throws (Range|Type)Error|a bug in disguise/;

/** Slips that peers have made, or that are one forgotten line away. */
export const plants: readonly Plant[] = [
  {
    what: 'a reader that reads past its end',
    file: 'bytes/reader.js',
    from: 'if (!(count >= 0 && count <= this.#end - at))',
    to: 'if (!(count >= 0))',
    complaint: thrown,
  },
  {
    what: 'arrays made as long as their count says',
    file: 'protocol/compile.js',
    from: 'if (count * minBytes > reader.remaining) {',
    to: 'if (new Array(count).fill(0).length < 0) {',
    complaint: new RegExp(`${memory.source}|${thrown.source}|${endless.source}|it took`, 'i'),
  },
  {
    what: 'tagged fields that are counted before they are read',
    file: 'protocol/compile.js',
    from: 'if (count * 2 > reader.remaining)',
    to: 'if (Buffer.alloc(count).length < 0)',
    complaint: new RegExp(`${memory.source}|${thrown.source}|it took`, 'i'),
  },
  {
    what: 'errors that leave the protocol layer as they are',
    file: 'protocol/define-api.js',
    from: 'throw explained(error, { api: this.name, part: this.#part, version, position: reader.position });',
    to: 'throw error;',
    complaint: /it throws|does not name/,
  },
  {
    what: 'a batch whose length may be negative',
    file: 'records/reader.js',
    from: 'if (length < (',
    to: 'if (length < -1e10 * (',
    complaint: new RegExp(`${thrown.source}|more batches than|${endless.source}`),
  },
  {
    what: 'a checksum that is not looked at',
    file: 'records/reader.js',
    from: 'if (stored !== computed)',
    to: 'if (stored === -computed - 1)',
    complaint: /wrong checksum is given as sound/,
  },
  {
    what: 'an index made as long as the record count says',
    file: 'records/record-index.js',
    from: 'if (count < 0 || count * MIN_RECORD_BYTES > end - start)',
    to: 'if (count < 0)',
    complaint: new RegExp(`${thrown.source}|${memory.source}`, 'i'),
  },
  {
    what: 'a header count that is believed',
    file: 'records/record-index.js',
    from: 'sound = nameLength >= 0 && cursor.at < recordEnd;',
    to: '',
    also: { from: 'sound = valueLength >= -1 && cursor.at <= recordEnd;', to: '' },
    complaint: new RegExp(`${endless.source}|it took|${thrown.source}|memory`),
  },
  {
    what: 'gzip without a bound',
    file: 'records/compression/gzip.js',
    from: 'maxOutputLength: outputLimit(maxBytes), chunkSize: chunkFor(bytes, maxBytes)',
    to: 'chunkSize: chunkFor(bytes, maxBytes)',
    complaint: memory,
  },
  {
    what: 'output made as large as the input claims',
    file: 'records/compression/snappy.js',
    from: 'if (total > maxBytes)',
    to: 'if (total > maxBytes * 2 ** 20)',
    complaint: memory,
  },
  {
    what: 'snappy blocks whose length may be negative',
    file: 'records/compression/snappy.js',
    from: 'if (length < 0 || length > bytes.length - start)',
    to: 'if (length > bytes.length - start)',
    complaint: new RegExp(`${endless.source}|${thrown.source}|${memory.source}`, 'i'),
  },
  {
    what: 'snappy copies from before the beginning',
    file: 'records/compression/snappy-block.js',
    from: 'distance === 0 || from < outStart',
    to: 'distance === -1',
    complaint: /decoders differ|it throws|takes what the package snappy refuses/,
  },
  {
    what: 'the package snappyjs as decoder',
    file: 'records/compression/snappy.js',
    from: 'decompress: (bytes, maxBytes) => inOneGo(decoding(bytes, maxBytes, native)),',
    to: 'decompress: bytes => snappyjs.uncompress(bytes),',
    complaint: new RegExp(`${endless.source}|${thrown.source}|${memory.source}|it throws|differ|refuses`, 'i'),
  },
  {
    what: 'the package lz4js as decoder',
    file: 'records/compression/lz4.js',
    from: 'decompress: (bytes, maxBytes, oldFormat = false) => inOneGo(decoding(bytes, maxBytes, oldFormat, native)),',
    to: 'decompress: bytes => lz4js.decompress(bytes),',
    complaint: new RegExp(`${endless.source}|${thrown.source}|${memory.source}|it throws|differ|refuses`, 'i'),
  },
  {
    what: 'messages in a message that need not be whole',
    file: 'records/message-set.js',
    from: 'if (end === undefined)',
    to: 'if (false)',
    complaint: new RegExp(`${endless.source}|${thrown.source}`),
  },
];

/** The compiled code with that defect in it, in a folder of its own, as a URL. `remove` takes it away again. */
export function planted({ what, file, from, to, also }: Plant): { readonly code: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-plant-'));
  const source = join(folder, 'src');
  cpSync(fileURLToPath(OWN_CODE), source, { recursive: true });
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'));
  cpSync(join(PROJECT_ROOT, 'package.json'), join(folder, 'package.json'));
  const path = join(source, file);
  let text = readFileSync(path, 'utf8');
  for (const edit of [{ from, to }, ...(also ? [also] : [])]) {
    const parts = text.split(edit.from);
    if (parts.length !== 2) throw new Error(`"${what}": ${file} has the text ${parts.length - 1} times, expected once: ${edit.from}`);
    text = parts.join(edit.to);
  }
  writeFileSync(path, text);
  return { code: `${pathToFileURL(source).href}/`, remove: () => rmSync(folder, { recursive: true }) };
}
