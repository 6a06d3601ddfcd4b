import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaCluster } from '../../kafka/cluster.js';
import { PROJECT_ROOT } from '../../kafka/project.js';
import type { Properties } from '../../kafka/properties.js';
import { releaseOf } from '../../kafka/versions.js';
import { type Answer, Capture } from './capture.js';
import { captured } from './releases.js';
import { askEverything, authenticate, TOPIC } from './scenario.js';

// Writes answers.jsonl anew: what real brokers answer to every API they share with us, in every version. Run it by hand after adding one:
//   npm run build && node dist/test/golden/captured/make.js

const [USER, PASSWORD] = ['reader', 'reader-secret'];

/** Access rules and a listener with SASL, so that there is something to answer. */
function properties(release: (typeof captured)[number]): Properties {
  const kraft = releaseOf(release).metadata === 'kraft';
  const zookeeperAuthorizer = release === '1.1.1' ? 'kafka.security.auth.SimpleAclAuthorizer' : 'kafka.security.authorizer.AclAuthorizer';
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`;
  return {
    'authorizer.class.name': kraft ? 'org.apache.kafka.metadata.authorizer.StandardAuthorizer' : zookeeperAuthorizer,
    'super.users': 'User:ANONYMOUS',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl.plain.sasl.jaas.config': login,
    'connections.max.reauth.ms': 60_000,
  };
}

async function answersOf(release: (typeof captured)[number]): Promise<Answer[]> {
  await using kafka = await KafkaCluster.start({
    version: release,
    properties: properties(release),
    listeners: { SASL: 'SASL_PLAINTEXT' },
  });
  await kafka.createTopic({ name: TOPIC, partitions: 2 });
  const capture = await Capture.connect(release, kafka.bootstrap[0] ?? '');
  await askEverything(capture);
  const sasl: Capture[] = [];
  const connect = async (): Promise<Capture> => {
    const connection = await Capture.connect(release, kafka.bootstrapOf('SASL')[0] ?? '');
    sasl.push(connection);
    return connection;
  };
  await authenticate(connect, USER, PASSWORD);
  capture.answers.push(...sasl.flatMap(({ answers }) => answers));
  capture.close();
  console.log(`Kafka ${release}: ${capture.answers.length} answers; none to ${capture.missing().join(', ') || 'nothing'}`);
  return capture.answers;
}

/** At most this many answers of one kind: an old broker is asked the same where newer ones know more versions. */
const ENOUGH = 3;
const counts = new Map<string, number>();
const answers: Answer[] = [];
for (const release of captured) {
  for (const answer of await answersOf(release)) {
    const kind = `${release} ${answer.api} ${answer.version}`;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= ENOUGH) answers.push(answer);
  }
}
writeFileSync(join(PROJECT_ROOT, 'test/golden/captured/answers.jsonl'), answers.map(answer => `${JSON.stringify(answer)}\n`).join(''));
