import assert from 'node:assert/strict';
import { type Assignor, assignors as kafkasAssignors } from '../../src/group/index.js';
import { KafkaClient, KafkaConsumer } from '../../src/index.js';
import { findProgram } from '../kafka/availability.js';
import type { KafkaHandle } from '../kafka/handle.js';
import { GuardedProcess } from '../kafka/process.js';
import type { GroupProtocol } from './group-view.js';

/** Whose client a member is. */
export type Kind = 'ours' | 'java' | 'kcat';

/** Which group a member joins, and how. */
export interface MixedGroup {
  readonly kafka: KafkaHandle;
  readonly topic: string;
  readonly groupId: string;
  readonly protocol: GroupProtocol;
  /** Names of assignors of the classic protocol, the preferred one first. */
  readonly assignors: readonly string[];
}

/** A member of a group, made by any client. */
export interface MixedMember {
  readonly kind: Kind;
  /** Its client id. */
  readonly name: string;
  /** The values that it has read. */
  readonly values: readonly string[];
  /** Of the last time that it saw the group at rest; undefined: it does not tell. */
  readonly generationId: number | undefined;
  /** How often it has divided the partitions, as the leader of a classic group; 0: it does not tell. */
  readonly divisionCount: number;
  /** It leaves in good order. */
  leave(): Promise<void>;
}

const sessionTimeoutMs = 10_000;
const heartbeatMs = 300;

const javaAssignors = new Map([
  ['range', 'org.apache.kafka.clients.consumer.RangeAssignor'],
  ['roundrobin', 'org.apache.kafka.clients.consumer.RoundRobinAssignor'],
  ['sticky', 'org.apache.kafka.clients.consumer.StickyAssignor'],
  ['cooperative-sticky', 'org.apache.kafka.clients.consumer.CooperativeStickyAssignor'],
]);

/** Starts a member. */
export const joinAs: Readonly<Record<Kind, (group: MixedGroup, name: string) => Promise<MixedMember>>> = { ours, java, kcat };

async function ours({ kafka, topic, groupId, protocol, assignors }: MixedGroup, name: string): Promise<MixedMember> {
  const client = new KafkaClient({ brokers: kafka.bootstrap, clientId: name });
  const times = { sessionTimeoutMs, heartbeatMs };
  const values: string[] = [];
  let [generationId, divisionCount] = [-1, 0];
  const counting = assignors.map((each): Assignor => {
    const assignor = kafkasAssignors.get(each) ?? assert.fail(each);
    return {
      ...assignor,
      assign(members, partitionsOf) {
        divisionCount += 1;
        return assignor.assign(members, partitionsOf);
      },
    };
  });
  const consumer = new KafkaConsumer(client, {
    topics: [topic],
    groupId,
    groupProtocol: protocol,
    ...(protocol === 'classic' ? { assignors: counting, ...times } : {}),
  });
  consumer.on('rebalance', rebalance => {
    generationId = rebalance.generationId;
  });
  const reading = (async () => {
    for await (const { value } of consumer) values.push(String(value));
  })();
  reading.catch(() => {}); // told when it leaves
  const leave = async (): Promise<void> => {
    await client.close();
    await reading;
  };
  return {
    ...{ kind: 'ours', name, values, leave },
    get generationId() {
      return generationId;
    },
    get divisionCount() {
      return divisionCount;
    },
  };
}

/** Java's console consumer of the brokers' release. */
async function java({ kafka, topic, groupId, protocol, assignors }: MixedGroup, name: string): Promise<MixedMember> {
  const mainClass = kafka.version === '2.8.2' ? 'kafka.tools.ConsoleConsumer' : 'org.apache.kafka.tools.consumer.ConsoleConsumer';
  const classic = [
    `session.timeout.ms=${sessionTimeoutMs}`,
    `heartbeat.interval.ms=${heartbeatMs}`,
    `partition.assignment.strategy=${assignors.map(each => javaAssignors.get(each)).join()}`,
  ];
  const settings = ['auto.offset.reset=earliest', `client.id=${name}`, ...(protocol === 'classic' ? classic : ['group.protocol=consumer'])];
  const program = await kafka.startTool(mainClass, [
    ...['--bootstrap-server', kafka.bootstrapText, '--topic', topic, '--group', groupId],
    ...settings.flatMap(setting => ['--consumer-property', setting]),
  ]);
  return foreign('java', name, program);
}

async function kcat({ kafka, topic, groupId, assignors }: MixedGroup, name: string): Promise<MixedMember> {
  const settings = [
    ...[`client.id=${name}`, 'auto.offset.reset=earliest', `session.timeout.ms=${sessionTimeoutMs}`],
    ...[`heartbeat.interval.ms=${heartbeatMs}`, `partition.assignment.strategy=${assignors.join()}`],
  ];
  const program = GuardedProcess.start(findProgram('kcat') ?? 'kcat', [
    ...['-G', groupId, '-b', kafka.bootstrapText, '-u', '-f', '%s\\n', ...settings.flatMap(setting => ['-X', setting]), topic],
  ]);
  return foreign('kcat', name, program);
}

function foreign(kind: Kind, name: string, program: GuardedProcess): MixedMember {
  return {
    ...{ kind, name, generationId: undefined, divisionCount: 0 },
    get values() {
      return program.stdout.match(/^\d+\/\d+$/gm) ?? []; // among words of caution
    },
    async leave() {
      await program.stop();
    },
  };
}
