import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer, KafkaError, KeyedProducer, type RequestTrace, SimpleConsumer } from '../../src/index.js';
import { CreateAcls } from '../../src/protocol/index.js';
import { clusterTest } from '../kafka/kafka.js';

const [username, password] = ['alice', 'alice-secret'];
const properties = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
  'allow.everyone.if.no.acl.found': 'true',
  'sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.sasl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
};

/** Numbers of the access rules, as CreateAcls has them. */
const [aTopic, aGroup, everything, denied] = [2, 3, 2, 2];

clusterTest(
  'who may not use a group, or read a topic, is told once by each read, and asks no more than once for it',
  async (t, kafka) => {
    const open = await kafka.createTopic({ name: 'open', partitions: 2 });
    const secret = await kafka.createTopic({ name: 'secret', partitions: 2 });
    const admin = new KafkaClient({ brokers: kafka.bootstrap });
    for (const topic of [open, secret]) await new KeyedProducer(admin).sendMessages(topic, 'customer-7', 'tea');
    const rule = { principal: `User:${username}`, host: '*', operation: everything, permissionType: denied };
    const { results } = await admin.request(CreateAcls, {
      creations: [
        { ...rule, resourceType: aTopic, resourceName: secret },
        { ...rule, resourceType: aGroup, resourceName: 'closed' },
      ],
    });
    assert.deepEqual(
      results.map(({ errorCode }) => errorCode),
      [0, 0],
    );
    await admin.close();

    const asked: string[] = [];
    const onRequest = (trace: unknown) => asked.push((trace as RequestTrace).api);
    subscribe('tidemark:request', onRequest);
    t.after(() => unsubscribe('tidemark:request', onRequest));
    const setUp = new Set(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate']);

    /** Two reads, each refused with that code, about that; what each asked; and that nothing is asked between them. */
    const refused = async (kind: string, make: (client: KafkaClient) => KafkaConsumer | SimpleConsumer, code: string, about: RegExp) => {
      const client = new KafkaClient({ brokers: kafka.bootstrapOf('SASL'), sasl: { mechanism: 'PLAIN', username, password } });
      const consumer = make(client);
      for (let i = 0; i < 2; i++) {
        asked.length = 0;
        const error = await consumer.getMessages(1, { timeoutMs: null }).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        assert.ok(error instanceof KafkaError, kind);
        assert.equal(error.code, code, kind);
        assert.match(error.message, about, kind);
        await delay(300); // a storm would be heard
        const work = asked.filter(api => !setUp.has(api));
        assert.ok(work.length <= 2 && new Set(work).size === work.length, `${kind}: ${asked}`);
      }
      await client.close();
    };

    for (const groupProtocol of ['classic', 'consumer', 'auto'] as const) {
      const of = (topics: readonly string[], groupId: string) => (client: KafkaClient) =>
        new KafkaConsumer(client, { topics, groupId, groupProtocol });
      await refused(`${groupProtocol}, group`, of([open], 'closed'), 'GROUP_AUTHORIZATION_FAILED', /group "closed"/);
      await refused(`${groupProtocol}, topic`, of([secret], `g-${groupProtocol}`), 'TOPIC_AUTHORIZATION_FAILED', /^topic secret: /);
      await refused(`${groupProtocol}, topics`, of([open, secret], `h-${groupProtocol}`), 'TOPIC_AUTHORIZATION_FAILED', /^topic secret: /);
    }
    await refused('alone', client => new KafkaConsumer(client, { topics: secret }), 'TOPIC_AUTHORIZATION_FAILED', /^topic secret: /);
    await refused('simple', client => new SimpleConsumer(client, { topic: secret }), 'TOPIC_AUTHORIZATION_FAILED', /^topic secret: /);
    await refused(
      'simple, group',
      client => new SimpleConsumer(client, { topic: open, groupId: 'closed' }),
      'GROUP_AUTHORIZATION_FAILED',
      /group "closed"/,
    );
  },
  { properties, listeners: { SASL: 'SASL_PLAINTEXT' } },
);
