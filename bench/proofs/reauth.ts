import { assertSeamless, reauthenticated } from '../../test/interop/reauth.js';
import { securedCluster } from '../../test/interop/secured.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about = '60 s of traffic through sessions of 5 s, with each SASL mechanism: no request fails, and order is kept';

const FOR_MS = 60_000;
/** Sessions of 5 s are renewed after 4 to 4.5. */
const RENEWALS = 12;

export async function prove({ say }: ProofContext): Promise<void> {
  await using kafka = await KafkaCluster.start(securedCluster);
  const run = await reauthenticated(kafka, FOR_MS);
  const counts = Object.entries(run.produced).map(([name, count]) => `${name} ${count}`);
  say(`Kafka ${kafka.version}, messages in and out in order, half of them with acks 0: ${counts.join(', ')}`);
  say(`${run.connections} connections were authenticated again ${run.renewals} times; ${run.failures.length} failures`);
  assertSeamless(run, RENEWALS);
}
