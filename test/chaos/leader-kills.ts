import assert from 'node:assert/strict';
import { KafkaClient } from '../../src/index.js';
import {
  type Acknowledged,
  assertCommitted,
  assertSameLog,
  judge,
  type MainJobOptions,
  receive,
  send,
  timed,
  type Way,
} from '../interop/main-job.js';
import { readWithKcat } from '../interop/site.js';
import type { Workload } from '../interop/workload.js';
import type { KafkaCluster } from '../kafka/cluster.js';
import { uniqueName } from '../kafka/handle.js';
import { untilInSync } from './in-sync.js';

const PARTITIONS = 6;
const MESSAGE_BYTES = 128;

/**
 * The main job on three nodes, where in each phase the leader of two partitions or more ends like a power cut when half is through; it comes
 * back before the next phase, which kills another.
 *
 * What must hold: every acknowledged message is at its acknowledged offset, nothing else is there, and the first records of all messages are
 * in the order of their keys. A message that was in the hands of the dead leader is sent again, and may be there twice; each reader gives
 * the log exactly as it is: once per offset, in order.
 * @throws AssertionError for anything else.
 */
export async function mainJobUnderKills(kafka: KafkaCluster, workload: Workload, { say = () => {} }: MainJobOptions = {}): Promise<void> {
  await using client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic({ partitions: PARTITIONS });
  const killer = new Killer(kafka, client, topic, say);

  const acknowledged: Acknowledged = await killer.during('sending', workload.count, progress =>
    send(client, topic, workload, { progress }),
  );
  const log = await readWithKcat(kafka.bootstrap, topic);
  const { repeatCount, keyStepsBack } = judge(workload, acknowledged, log);
  const refusedCount = acknowledged.filter(result => result === undefined).length;
  say(`${workload.count - refusedCount} messages acknowledged, all there; ${refusedCount} refused; ${repeatCount} repeated`);
  say(
    `order per key: kept by the first record of every message; ${keyStepsBack} records stand behind a later one of their key, all of them repeats`,
  );

  for (const way of ['message', 'batch'] satisfies Way[]) {
    const groupId = uniqueName('kills');
    // little is fetched ahead, so that most of the second half has to be asked for after the kill
    const [prefetchBytes, maxPartitionBytes] = [Math.ceil((log.length * MESSAGE_BYTES) / 8), Math.ceil((log.length * MESSAGE_BYTES) / 64)];
    const reading = { topic, groupId, way, count: log.length, prefetchBytes, maxPartitionBytes };
    const read = await killer.during(`reading by ${way}`, log.length, progress => receive(client, { ...reading, progress }));
    assertSameLog(read, log);
    await assertCommitted(client, topic, groupId, log);
  }
  assertSameLog(await readWithKcat(kafka.bootstrap, topic), log);
  say(`read twice under kills, each time exactly what kcat reads, and committed to the end (seed ${workload.seed})`);
}

class Killer {
  readonly #kafka: KafkaCluster;
  readonly #client: KafkaClient;
  readonly #topic: string;
  readonly #say: (line: string) => void;
  #last = -1;

  constructor(kafka: KafkaCluster, client: KafkaClient, topic: string, say: (line: string) => void) {
    this.#kafka = kafka;
    this.#client = client;
    this.#topic = topic;
    this.#say = say;
  }

  /** Runs a phase, kills a leader when half of `total` is through, and starts it again after the phase. */
  async during<T>(phase: string, total: number, work: (progress: (count: number) => void) => Promise<T>): Promise<T> {
    const victim = await this.#victim();
    let killed: Promise<void> | undefined;
    let through = 0;
    const result = await timed(this.#say, phase, () =>
      work(count => {
        if (count < total / 2 || killed !== undefined) return;
        through = count;
        killed = victim.kill();
      }),
    );
    await killed;
    assert.ok(killed !== undefined && through < total, `${phase}: the kill came at ${through} of ${total}`);
    assert.equal(victim.running, false);
    this.#say(`  node ${victim.id} was killed when ${through} of ${total} were through`);
    await victim.restart();
    await untilInSync(this.#client, this.#topic, this.#kafka.nodes.length);
    return result;
  }

  /** A node that leads two partitions or more, and is not the one killed before. */
  async #victim() {
    const leaders = await this.#kafka.leaders(this.#topic);
    const victim = this.#kafka.nodes.find(({ id }) => id !== this.#last && leaders.filter(leader => leader === id).length >= 2);
    assert.ok(victim, `no other node than ${this.#last} leads two partitions: ${leaders.join(' ')}`);
    this.#last = victim.id;
    return victim;
  }
}
