import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../kafka/project.js';

const text = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');

/** The TypeScript of README.md, block by block. */
export const blocks: readonly string[] = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);

/** The rows of the first table under a heading, as cells, without the table's head. */
export function table(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = text.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [rows = ''] = /^\|.*(\n\|.*)*/m.exec(section) ?? [];
  return rows
    .split('\n')
    .slice(2)
    .map(row => row.split('|').map(cell => cell.trim())) // the first cell is behind the first bar
    .map(([, ...cells]) => cells);
}

/** What stands between backquotes. */
export const names = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** An option table: the text of each option's default. A row may hold several options, with a default each. */
export function defaults(heading: string): ReadonlyMap<string, string> {
  return new Map(
    table(heading).flatMap(([options = '', cell = '']) => {
      const all = names(options);
      const each = all.length === 1 ? [cell] : cell.split(', ');
      return all.map((name, i): [string, string] => [name, each[i] ?? '']);
    }),
  );
}
