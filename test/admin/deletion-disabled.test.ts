import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin } from '../../src/admin/index.js';
import { KafkaClient } from '../../src/client/client.js';
import { DeleteTopics } from '../../src/protocol/index.js';
import { clientSetting, rejection } from '../client/setting.js';
import { clusterTest, type KafkaVersion } from '../kafka/kafka.js';

const why = /delete\.topic\.enable is false/;

for (const [code, hinted] of [
  ['TOPIC_DELETION_DISABLED', true],
  ['INVALID_REQUEST', true],
  ['TOPIC_AUTHORIZATION_FAILED', false],
] as const) {
  test(`a topic that is not deleted, ${code}: the setting that may be the reason is ${hinted ? '' : 'not '}named`, async t => {
    const { cluster, client } = await clientSetting(t);
    cluster.on(DeleteTopics, { topic: 'orders' }).failOnce(code);
    const error = await rejection(new Admin(client).deleteTopics('orders'));
    assert.equal(error.code, code);
    assert.equal(why.test(error.message), hinted, error.message);
  });
}

/** What a broker of this release answers whose `delete.topic.enable` is false, by version of the request. */
const answers: readonly (readonly [KafkaVersion, Readonly<Record<number, string>>])[] = [
  ['4.1.2', { 1: 'INVALID_REQUEST', 6: 'TOPIC_DELETION_DISABLED' }],
  ['1.1.1', { 1: 'REQUEST_TIMED_OUT' }],
];
for (const [version, codes] of answers) {
  clusterTest(
    'where brokers delete no topics the error names the setting',
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      for (const [pinned, code] of Object.entries(codes)) {
        const client = new KafkaClient({ brokers: kafka.bootstrap, apiVersions: { DeleteTopics: Number(pinned) }, retry: { attempts: 1 } });
        t.after(() => client.close());
        const admin = new Admin(client);
        const error = await rejection(admin.deleteTopics(topic, { timeoutMs: 10_000 }));
        assert.equal(error.code, code, `v${pinned}`);
        assert.match(error.message, why);
        assert.deepEqual(
          (await admin.listTopics()).map(({ name }) => name).filter(name => name === topic),
          [topic],
        );
      }
    },
    { version, properties: { 'delete.topic.enable': 'false' } },
  );
}
