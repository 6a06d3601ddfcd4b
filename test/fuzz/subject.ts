type Protocol = typeof import('../../src/protocol/index.js');
type Records = typeof import('../../src/records/index.js');
type Errors = typeof import('../../src/base/errors.js');
type ReaderModule = typeof import('../../src/bytes/reader.js');
type Snappy = typeof import('../../src/records/compression/snappy.js');
type Lz4 = typeof import('../../src/records/compression/lz4.js');

/** The code that is fuzzed: this checkout's, or a copy with a defect in it. */
export interface Subject {
  readonly protocol: Protocol;
  readonly records: Records;
  readonly errors: Errors;
  readonly reader: ReaderModule;
  readonly snappy: Snappy;
  readonly lz4: Lz4;
}

/** Where the compiled code of this checkout lies. */
export const OWN_CODE = new URL('../../src/', import.meta.url);

export async function loadSubject(code: string): Promise<Subject> {
  const load = (path: string) => import(new URL(path, code).href);
  return {
    protocol: await load('protocol/index.js'),
    records: await load('records/index.js'),
    errors: await load('base/errors.js'),
    reader: await load('bytes/reader.js'),
    snappy: await load('records/compression/snappy.js'),
    lz4: await load('records/compression/lz4.js'),
  };
}
