import { slowHandler, tooSlowHandler } from '../../test/chaos/group-handlers.js';
import { blockedLoop, type Restart, staticRestarts, takenOver } from '../../test/chaos/group-restarts.js';
import type { GroupProtocol } from '../../test/chaos/group-view.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { KafkaVersion } from '../../test/kafka/versions.js';
import type { ProofContext } from '../prove.js';

export const about =
  'a membership outlives a handler of 60 s and the restart of a static member; it ends with its program, and with an event loop that stands still';

const leaves: readonly Restart[] = [
  { at: 0, ending: 'leave' },
  { at: 1, ending: 'leave' },
];
const dies: readonly Restart[] = [
  { at: 0, ending: 'kill' },
  { at: 1, ending: 'kill' },
];

const courses: readonly (readonly [version: KafkaVersion, protocol: GroupProtocol])[] = [
  ['4.1.2', 'classic'],
  ['4.1.2', 'consumer'],
  ['4.3.1', 'consumer'],
  ['3.9.2', 'classic'],
  ['2.8.2', 'classic'],
];

export async function prove({ say }: ProofContext): Promise<void> {
  for (const [version, protocol] of courses) {
    say(`Kafka ${version}, ${protocol} protocol`);
    const told = { say: (line: string) => say(`  ${line}`) };
    await using kafka = await KafkaCluster.start({ version });
    await staticRestarts(kafka, protocol, protocol === 'classic' ? [...leaves, ...dies] : leaves, told);
    await takenOver(kafka, protocol, told);
    await blockedLoop(kafka, protocol, { sessionTimeoutMs: 6000, ...told });
    await slowHandler(kafka, protocol, { sessionTimeoutMs: 6000, handlerMs: 60_000, messageCount: 2, ...told });
    await tooSlowHandler(kafka, protocol, told);
  }
}
