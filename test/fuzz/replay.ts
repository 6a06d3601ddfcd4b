import { numberedCase } from './cases.js';
import { complaintAbout } from './judge.js';
import { loadSubject, OWN_CODE } from './subject.js';

// One case again, in this thread: node dist/test/fuzz/replay.js <seed> <case>. With a debugger: node --inspect-brk ...
const [seed = 1, index = 0] = process.argv.slice(2).map(Number);
const one = numberedCase(seed, index);
console.log(`${one.name}, ${one.bytes.length} bytes`);
console.log(complaintAbout(one, await loadSubject(OWN_CODE.href)) ?? 'it behaves');
