import { createRequire } from 'node:module';

/** What an optional package exports, where it is installed and `works`; undefined where not. */
export function optional<T extends object>(name: string, works: (loaded: T) => boolean): T | undefined {
  try {
    const loaded = createRequire(import.meta.url)(name) as T;
    return works(loaded) ? loaded : undefined;
  } catch {
    return undefined;
  }
}
