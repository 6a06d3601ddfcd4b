import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageVersion } from '../../src/base/version.js';
import { PROJECT_ROOT } from '../kafka/project.js';

const run = (cwd: string, command: string, ...args: string[]): string => execFileSync(command, args, { cwd, encoding: 'utf8' });

test('the package installs into an empty project and works from ESM, from require() and under strict TypeScript', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-package-'));
  t.after(() => rmSync(folder, { recursive: true }));
  run(PROJECT_ROOT, 'npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder);
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz')) ?? assert.fail('npm pack made nothing');

  await t.test('it holds what users need and nothing else', () => {
    const files = run(folder, 'tar', 'tzf', tarball).trim().split('\n');
    const strange = files.filter(
      name =>
        !/^package\/(dist\/(src\/.+|workers\/(thread|inflate))\.(js|d\.ts)|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(name),
    );
    assert.deepEqual(strange, []);
    for (const wanted of ['dist/src/index.js', 'dist/src/cli/main.js', 'dist/workers/thread.js', 'README.md', 'LICENSE'])
      assert.ok(files.includes(`package/${wanted}`), wanted);
  });

  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', type: 'module' }));
  run(app, 'npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefer-offline', join(folder, tarball));

  await t.test('from ESM: produces and consumes', () => {
    writeFileSync(
      join(app, 'main.js'),
      `import { KafkaClient, SimpleConsumer, SimpleProducer } from 'tidemark';
       import { EmbeddedCluster } from 'tidemark/embedded';
       import { crc32c } from 'tidemark/protocol';
       const cluster = await EmbeddedCluster.start({ topics: { t: 1 } });
       const client = new KafkaClient({ brokers: cluster.brokers });
       await new SimpleProducer(client).sendMessages('t', 'hello');
       const [message] = await new SimpleConsumer(client, { topic: 't' }).getMessages(1, { timeoutMs: 5000 });
       await client.close();
       await cluster.close();
       console.log(String(message.value), crc32c(Buffer.from('123456789')).toString(16));`,
    );
    assert.equal(run(app, process.execPath, 'main.js').trim(), 'hello e3069283');
  });

  await t.test('handlers in threads', () => {
    writeFileSync(join(app, 'handler.js'), 'export default ({ value }) => String(value).toUpperCase();');
    writeFileSync(
      join(app, 'fleet.js'),
      `import { KafkaClient, MultiProcessConsumer } from 'tidemark';
       import { EmbeddedCluster } from 'tidemark/embedded';
       const cluster = await EmbeddedCluster.start({ topics: { t: 1 } });
       cluster.append('t', 0, [{ value: 'hello' }]);
       const client = new KafkaClient({ brokers: cluster.brokers });
       const fleet = new MultiProcessConsumer(client, { topics: 't', groupId: 'g', threads: 1 });
       await fleet.run(new URL('./handler.js', import.meta.url), {
         onResult: value => {
           console.log(value);
           void client.close();
         },
       });
       await client.close();
       await cluster.close();`,
    );
    assert.equal(run(app, process.execPath, 'fleet.js').trim(), 'HELLO');
  });

  await t.test('from require()', () => {
    writeFileSync(join(app, 'main.cjs'), `const { KafkaClient } = require('tidemark'); console.log(typeof KafkaClient);`);
    assert.equal(run(app, process.execPath, 'main.cjs').trim(), 'function');
  });

  await t.test('under TypeScript, strict, with exactOptionalPropertyTypes, its declarations checked too', () => {
    writeFileSync(
      join(app, 'main.ts'),
      `import { KafkaClient, KeyedProducer, type Message, SimpleConsumer } from 'tidemark';
       import { EmbeddedCluster } from 'tidemark/embedded';
       import { Fetch, type RequestOf } from 'tidemark/protocol';
       const maybe: string | undefined = process.env['GROUP'];
       const client = new KafkaClient({ brokers: 'localhost', clientId: maybe });
       const consumer = new SimpleConsumer(client, { topic: 't', groupId: maybe, autoCommit: { everyN: 10 } });
       for await (const message of consumer) { const m: Message = message; const v: Buffer | null = m.value; console.log(v, m.offset + 1); }
       const results = await new KeyedProducer(client, { acks: 1 }).sendMany([{ topic: 't', key: 'k', value: null }]);
       const offset: number | undefined = results[0]?.offset;
       const body: RequestOf<typeof Fetch> = { maxWaitMs: 1, minBytes: 1, topics: [] };
       await using cluster = await EmbeddedCluster.start({ brokers: 1 });
       console.log(offset, body, cluster.brokers);
       // @ts-expect-error an option that does not exist
       new SimpleConsumer(client, { topic: 't', autoComit: true });`,
    );
    const options = {
      strict: true,
      exactOptionalPropertyTypes: true,
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(PROJECT_ROOT, 'node_modules', '@types')],
    };
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['main.ts'] }));
    assert.equal(run(app, process.execPath, join(PROJECT_ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'), '');
  });

  await t.test('its command says its version', () => {
    assert.equal(run(app, 'npx', '--no-install', 'tidemark', '--version').trim(), packageVersion);
  });
});
