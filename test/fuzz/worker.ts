import { closeSync, openSync, writeSync } from 'node:fs';
import { caseOf, corpus } from './cases.js';
import { complaintAbout } from './judge.js';
import { loadSubject } from './subject.js';

/** What the process that runs cases is told, as JSON. */
export interface Task {
  /** The folder of the compiled code, as a URL. */
  readonly code: string;
  readonly seed: number;
  readonly first: number;
  readonly end: number;
  /** A file that always holds the number of the case under way, in four bytes. Those of the corpus come first, below zero. */
  readonly progress: string;
}

/** What it tells at the end. */
export interface Verdict {
  readonly doneCount: number;
  /** The first complaint; none when every case went well. */
  readonly found?: { readonly index: number; readonly complaint: string } | undefined;
}

async function run({ code, seed, first, end, progress }: Task): Promise<Verdict> {
  const subject = await loadSubject(code);
  const known = corpus();
  const start = Math.max(first, -known.length);
  const file = openSync(progress, 'r+');
  const number = Buffer.alloc(4);
  try {
    for (let index = start; index < end; index++) {
      number.writeInt32LE(index);
      writeSync(file, number, 0, 4, 0);
      const one = index < 0 ? known[-1 - index] : caseOf(seed, index);
      const complaint = one === undefined ? 'there is no such case' : complaintAbout(one, subject);
      if (complaint !== undefined) return { doneCount: index - start, found: { index, complaint } };
    }
  } finally {
    closeSync(file);
  }
  return { doneCount: end - start };
}

const [task] = process.argv.slice(2);
if (task !== undefined) console.log(JSON.stringify(await run(JSON.parse(task))));
