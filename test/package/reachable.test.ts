import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

// Whoever calls something has to be able to name what it takes and gives: a type in the signature of an exported name is exported beside it.

/** How the types of options and of protocols are made, what only we construct with, and what is as easily said in place: nobody needs the names. */
const machinery: ReadonlySet<string> = new Set(
  [
    ['Given', 'Definition', 'MessageDefinition', 'Flat', 'OptionalName', 'AnyField', 'ListMethod', 'GroupListMethod'],
    ['RecordLoader', 'BatchHeader', 'Shared', 'Marker', 'ProducerKind', 'Fault', 'Clock', 'ErrorDetail', 'StateCode', 'TypedEvents'],
    [
      'Abortable',
      'SignalOption',
      'ForPartition',
      'Bytes',
      'ConsumerSettings',
      'PartitionSource',
      'SourceKit',
      'Records',
      'Shares',
      'AnyMessage',
    ],
  ].flat(),
);

const SRC = join(import.meta.dirname, '..', '..', 'src');

/** One declaration of a module, without its comments. */
interface Declaration {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

interface Module {
  /** What it declares, exported or not, by its name there. */
  readonly own: ReadonlyMap<string, Declaration>;
  /** What it takes from others: its name here, and where it is from, by which name. */
  readonly taken: ReadonlyMap<string, readonly [file: string, name: string]>;
  /** What it hands on: the same. */
  readonly handed: ReadonlyMap<string, readonly [file: string, name: string]>;
  readonly all: readonly string[];
}

const modules = new Map<string, Module>();

function moduleOf(file: string): Module {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const target = (path: string) => resolve(dirname(file), path.replace(/\.js$/, '.d.ts'));
  const own = new Map<string, Declaration>();
  const start = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|let|function) (\w+)/;
  for (const part of text.split(/^(?=(?:export|declare|import|interface|type|class|const|let|function|abstract) )/m)) {
    const name = start.exec(part)?.[1];
    if (name === undefined) continue;
    const before = own.get(name)?.text ?? ''; // overloads
    own.set(name, { file, name, text: before + part });
  }
  const named = (pattern: RegExp) =>
    new Map(
      [...text.matchAll(pattern)].flatMap(([, list = '', path = '']) =>
        list.split(',').flatMap(each => {
          const [, theirs = '', ours = theirs] = /^\s*(?:type )?(\w+)(?: as (\w+))?\s*$/.exec(each) ?? [];
          return theirs === '' ? [] : [[ours, [target(path), theirs]] as const];
        }),
      ),
    );
  const module = {
    own,
    taken: named(/^import (?:type )?\{([^}]*)\} from '(\.[^']*)'/gm),
    handed: named(/^export (?:type )?\{([^}]*)\} from '(\.[^']*)'/gm),
    all: [...text.matchAll(/^export \* from '(\.[^']*)'/gm)].map(([, path = '']) => target(path)),
  };
  modules.set(file, module);
  return module;
}

/** The declaration behind a name that a module has, wherever it is; undefined for what is not ours. */
function declared(file: string, name: string): Declaration | undefined {
  const { own, taken, handed, all } = moduleOf(file);
  const [from, theirs] = taken.get(name) ?? handed.get(name) ?? [];
  if (from !== undefined && theirs !== undefined) return declared(from, theirs);
  return own.get(name) ?? all.map(path => declared(path, name)).find(found => found !== undefined);
}

/** All names that a module exports, with their declarations. */
function exportsOf(file: string): readonly Declaration[] {
  const { own, handed, all } = moduleOf(file);
  const exported = [...own.values()].filter(({ text }) => /^export /m.test(text));
  const names = [...handed.keys()].flatMap(name => declared(file, name) ?? []);
  return [...exported, ...names, ...all.flatMap(exportsOf)];
}

/** The types of ours that a declaration names. */
function namedIn({ file, name, text }: Declaration): readonly Declaration[] {
  const words = new Set(text.replace(/'[^']*'/g, '').match(/\b[A-Z]\w*/g) ?? []);
  return [...words].filter(word => word !== name).flatMap(word => declared(file, word) ?? []);
}

const entries = ['index', 'protocol', 'embedded/index'].map(entry => join(SRC, `${entry}.d.ts`));

for (const entry of entries) {
  test(`what the signatures of ${relative(SRC, entry)} name can be had from one of the doors`, () => {
    const anywhere = new Set(entries.flatMap(exportsOf));
    const exported = new Set(exportsOf(entry));
    assert.ok(exported.size > 5, `${exported.size} names`);
    const hidden = new Map<string, string[]>();
    for (const declaration of exported) {
      for (const named of namedIn(declaration)) {
        if (anywhere.has(named) || machinery.has(named.name)) continue;
        const where = `${named.name} (${relative(SRC, named.file)})`;
        hidden.set(where, [...(hidden.get(where) ?? []), declaration.name]);
      }
    }
    assert.deepEqual(Object.fromEntries(hidden), {});
  });
}

test('what is called machinery is in signatures, and not exported', () => {
  const exported = entries.flatMap(exportsOf);
  const named = new Set(exported.flatMap(namedIn).map(({ name }) => name));
  const exportedNames = new Set(exported.map(({ name }) => name));
  assert.deepEqual(
    [...machinery].filter(name => !named.has(name) || exportedNames.has(name)),
    [],
  );
});
