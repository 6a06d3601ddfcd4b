import { createRequire } from 'node:module';

/** From now on it is as if the native packages were not installed. Before anything that uses them is imported. */
export function hideNative(): void {
  const require = createRequire(import.meta.url);
  for (const name of ['@node-rs/crc32', 'snappy', 'lz4-napi']) {
    const file = require.resolve(name);
    require(name);
    Object.assign(require.cache[file] ?? {}, { exports: {} });
  }
}
