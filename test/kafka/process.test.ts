import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { GuardedProcess, run } from './process.js';

test('a guarded process dies with its owner, even when the owner is killed', { timeout: 20_000 }, async () => {
  const script = `
    import { GuardedProcess } from ${JSON.stringify(import.meta.resolve('./process.js'))};
    const child = GuardedProcess.start('sh', ['-c', 'echo started; exec sleep 1000'], { log: 'inherit' });
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  owner.kill('SIGKILL');
  await once(owner, 'close'); // comes only when the last process that holds the owner's stdout is gone
});

test('a guarded process can be frozen, and still be killed', { timeout: 20_000 }, async () => {
  const child = GuardedProcess.start('sh', ['-c', 'echo ready; exec sleep 1000']);
  await child.untilOutput(/ready/);
  child.signal('SIGSTOP');
  assert.equal(child.running, true);
  assert.deepEqual(await child.kill(), { code: null, signal: 'SIGKILL' });
  assert.equal(child.running, false);
});

test('waiting for output fails when the process ends without it', async () => {
  const child = GuardedProcess.start('sh', ['-c', 'echo this; exit 3']);
  await assert.rejects(child.untilOutput(/that/), /ended with code 3 before its output matched \/that\/\nthis/);
});

test('run gives the outputs and the exit code, and kills what takes too long', async () => {
  assert.deepEqual(await run('sh', ['-c', 'cat; echo no >&2; exit 7'], { input: 'yes' }), {
    code: 7,
    signal: null,
    stdout: 'yes',
    stderr: 'no\n',
  });
  assert.equal((await run('sleep', ['1000'], { timeoutMs: 50 })).signal, 'SIGKILL');
  assert.equal((await run('no-such-program', [])).code, 127);
});
