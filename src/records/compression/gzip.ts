import { gunzipSync, gzipSync } from 'node:zlib';
import { type Codec, OutputLimitError } from './codec.js';

export const gzip: Codec = {
  id: 1,
  name: 'gzip',
  compress: (bytes, level) => gzipSync(bytes, level === undefined ? {} : { level }),
  decompress(bytes, maxBytes) {
    try {
      return gunzipSync(bytes, { maxOutputLength: maxBytes });
    } catch (error) {
      if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw new OutputLimitError();
      throw error;
    }
  },
};
