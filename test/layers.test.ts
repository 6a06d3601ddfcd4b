import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from './kafka/project.js';

/** Folders by rank; those of one rank do not know each other. The files right in src/ gather names, and may import everything. */
const ranks: readonly (readonly string[])[] = [
  ['base'],
  ['bytes'],
  ['protocol', 'records'],
  ['network', 'embedded'],
  ['cluster'],
  ['client'],
  ['producer', 'group', 'admin'],
  ['consumer'],
  ['context'],
  ['multiprocess'],
  ['cli'],
];
const rankOf = (layer: string): number => ranks.findIndex(layers => layers.includes(layer));

/** The embedded cluster must not know the client, or its bugs cancel out. */
const embeddedMayImport = ['base', 'bytes', 'protocol', 'records'];

/** Packages and modules that enter through one place only. */
const doors: readonly (readonly [spec: RegExp, places: readonly string[]])[] = [
  [/^node:(net|tls)$/, ['network/', 'embedded/']],
  [/^node:crypto$/, ['network/sasl', 'embedded/']],
  [/^(snappyjs|lz4js|snappy|lz4-napi|fzstd)$/, ['records/compression/']],
  [/^node:zlib$/, ['records/compression/', 'bytes/crc32.ts']],
  [/^@node-rs\/crc32$/, ['bytes/crc32c.ts']],
  [/^(piscina|node:worker_threads)$/, ['multiprocess/', '../workers/']],
  [/^p-retry$/, ['base/retry.ts']],
  [/^node:timers/, ['base/clock.ts']],
];
/** Globals that enter through one file only. `AbortSignal.any` holds on to signals that live long: `linked` is given back. */
const globalDoors: readonly (readonly [call: RegExp, place: string])[] = [
  [/\b(setTimeout|setInterval|setImmediate|Date\.now|performance\.now)\(/, 'base/clock.ts'],
  [/\b(AbortSignal\.any)\(/, 'base/abort.ts'],
];

const imports = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|\brequire\(\s*)['"]([^'"]+)['"]/g;
const withoutComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** What a tree of sources imports that it may not, as `file -> import`. */
function wrongImports(src: string): string[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));
  return files.flatMap(name => {
    const file = name.split(sep).join('/');
    const source = withoutComments(readFileSync(join(src, name), 'utf8'));
    const layer = file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined;
    const wrong = [...source.matchAll(imports)].map(([, spec = '']) => spec).filter(spec => !allowed(src, file, layer, spec));
    const calls = globalDoors.flatMap(([call, place]) => (layer === undefined || file === place ? [] : (call.exec(source)?.[1] ?? [])));
    return [...wrong, ...calls].map(what => `${file} -> ${what}`);
  });
}

function allowed(src: string, file: string, layer: string | undefined, spec: string): boolean {
  const door = doors.find(([pattern]) => pattern.test(spec));
  if (door !== undefined) return door[1].some(place => file.startsWith(place));
  if (!spec.startsWith('.') || layer === undefined) return true;
  const target = relative(src, resolve(src, dirname(file), spec))
    .split(sep)
    .join('/');
  const to = target.slice(0, target.indexOf('/'));
  if (to === layer) return true;
  if (layer === 'embedded') return embeddedMayImport.includes(to);
  const [from, down] = [rankOf(layer), rankOf(to)];
  return from >= 0 && down >= 0 && down < from && !(layer !== 'cli' && to === 'embedded');
}

test('imports only ever point down the layers, and packages enter through their doors', () => {
  assert.deepEqual(wrongImports(join(PROJECT_ROOT, 'src')), []);
});

test('the guard sees imports that point up or sideways, also of types, and side doors', t => {
  const src = mkdtempSync(join(tmpdir(), 'tidemark-layers-'));
  t.after(() => rmSync(src, { recursive: true }));
  const plant = (file: string, text: string) => {
    mkdirSync(dirname(join(src, file)), { recursive: true });
    writeFileSync(join(src, file), text);
  };
  plant('base/fine.ts', `import { on } from 'node:events';\n/** Like setTimeout(x). */`);
  plant('bytes/up.ts', `import type { X } from '../protocol/x.js';`);
  plant('admin/sideways.ts', `export { X } from '../producer/x.js';`);
  plant('embedded/cheat.ts', `const x = await import('../network/x.js');`);
  plant('consumer/door.ts', `import { connect } from 'node:net';\nimport '../producer/x.js';`);
  plant('cluster/clock.ts', 'setTimeout(() => {}, 1);');
  plant('cluster/signal.ts', 'AbortSignal.any([]);');
  assert.deepEqual(wrongImports(src).sort(), [
    'admin/sideways.ts -> ../producer/x.js',
    'bytes/up.ts -> ../protocol/x.js',
    'cluster/clock.ts -> setTimeout',
    'cluster/signal.ts -> AbortSignal.any',
    'consumer/door.ts -> node:net',
    'embedded/cheat.ts -> ../network/x.js',
  ]);
});
