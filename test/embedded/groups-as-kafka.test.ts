import { EmbeddedCluster } from '../../src/embedded/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import * as classic from './classic-members.js';
import * as consumers from './consumer-members.js';
import { groupInterview } from './group-questions.js';
import { assertSameAnswers } from './interview.js';

const { strangers, alone, together, votes, statics, late, neverSynced, transactional } = classic;
const parts = [strangers, alone, together, votes, statics, late, transactional];

for (const [emulate, version, asked] of [
  [undefined, '4.1.2', [...parts, neverSynced]],
  ['3.9', '3.9.2', [...parts, neverSynced]],
  ['2.8', '2.8.2', parts],
] as const) {
  kafkaTest(
    'the embedded cluster answers members of classic groups as Kafka does',
    async (t, kafka) => {
      const cluster = await EmbeddedCluster.start({ emulate, minSessionTimeoutMs: 1000 });
      t.after(() => cluster.close());
      const topic = uniqueName('members');
      const theirs = await groupInterview(kafka.bootstrap[0] ?? '', topic, asked);
      const ours = await groupInterview(cluster.brokers[0] ?? '', topic, asked);
      assertSameAnswers(ours, theirs);
    },
    { version },
  );
}

kafkaTest('the embedded cluster answers members of the new protocol as Kafka does', async (t, kafka) => {
  const { strangers, alone, together, statics, late, patterns, ranges, kinds, transactional } = consumers;
  const asked = [strangers, alone, together, statics, late, patterns, ranges, kinds, transactional];
  const cluster = await EmbeddedCluster.start();
  t.after(() => cluster.close());
  const topic = uniqueName('members');
  const theirs = await groupInterview(kafka.bootstrap[0] ?? '', topic, asked);
  const ours = await groupInterview(cluster.brokers[0] ?? '', topic, asked);
  assertSameAnswers(ours, theirs);
});
