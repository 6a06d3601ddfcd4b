import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BrokerErrorName, errorNumbers } from '../../src/base/broker-errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster, type FaultsOn } from '../../src/embedded/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { Produce } from '../../src/protocol/index.js';

const quick = { attempts: 5, backoffMs: 5, maxBackoffMs: 20 };

async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: quick });
  t.after(async () => {
    await client.close();
    await cluster.close();
  });
  return { cluster, client, values: () => cluster.records('orders', 0).map(({ value }) => value?.toString()) };
}

/** The broker appends, and then answers with an error: it ceased to lead while the replicas copied. */
const failAfterAppend = (faults: FaultsOn<typeof Produce>, error: BrokerErrorName) =>
  faults.answer(async (_, next) => {
    const answer = (await next()) ?? { responses: [] };
    const refused = Array.from(answer.responses).map(topic => ({
      ...topic,
      partitionResponses: Array.from(topic.partitionResponses).map(part => ({ ...part, errorCode: errorNumbers[error], baseOffset: -1 })),
    }));
    return { ...answer, responses: refused };
  });

for (const code of ['NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_OR_PARTITION'] satisfies BrokerErrorName[]) {
  test(`${code} with acks "all" may come after the append: onUnsure "reject" stores once, and says "maybe"`, async t => {
    const { cluster, client, values } = await setting(t);
    failAfterAppend(cluster.on(Produce), code);
    const producer = new KeyedProducer(client, { idempotent: false, onUnsure: 'reject' });
    await assert.rejects(producer.sendMessages('orders', 'k', 'a'), { code, persistence: 'maybe' });
    assert.deepEqual(values(), ['a']);
  });

  test(`${code} with acks 1 comes before the append: onUnsure "reject" sends it again`, async t => {
    const { cluster, client, values } = await setting(t);
    cluster.on(Produce).failOnce(code);
    await new KeyedProducer(client, { acks: 1, onUnsure: 'reject' }).sendMessages('orders', 'k', 'a');
    assert.deepEqual(values(), ['a']);
  });
}
