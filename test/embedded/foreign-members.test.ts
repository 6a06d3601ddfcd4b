import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EmbeddedCluster, GroupMember, Release } from '../../src/embedded/index.js';
import { ConsumerGroupHeartbeat, Heartbeat, JoinGroup } from '../../src/protocol/index.js';
import { findProgram, missingKcat, REQUIRED } from '../kafka/availability.js';
import { poll } from '../kafka/handle.js';
import { DEFAULT_VERSION, KafkaHandle, requireKafka } from '../kafka/kafka.js';
import { GuardedProcess } from '../kafka/process.js';
import { startCluster } from './setting.js';

// Clients that others wrote are members of our groups: what they take for a group is Kafka's, and not only ours.

const GROUP = 'billing';
const PARTITIONS = 6;
const PER_PARTITION = 10;
const everything = Array.from({ length: PARTITIONS }, (_, i) => `orders/${i}`);

/** A cluster with messages in every partition. */
async function filled(t: TestContext, emulate?: Release): Promise<EmbeddedCluster> {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: PARTITIONS }, emulate, consumerHeartbeatIntervalMs: 100 });
  for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, PER_PARTITION);
  return cluster;
}

function append(cluster: EmbeddedCluster, partition: number, count: number): void {
  const { end } = cluster.offsets('orders', partition);
  for (let i = 0; i < count; i++) cluster.append('orders', partition, [{ value: `${partition}/${end + i}` }]);
}

/** The members' partitions as one list, sorted: every partition once when they share well. */
const shared = (members: readonly GroupMember[]): string[] => members.flatMap(({ partitions }) => partitions).sort();

/** What was read by all of them, each message as often as it was. */
const read = (...clients: readonly GuardedProcess[]): string[] =>
  clients.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean)).sort();

const messages = (perPartition: number): string[] =>
  everything.flatMap((_, partition) => Array.from({ length: perPartition }, (_, i) => `${partition}/${i}`)).sort();

const untilRead = (count: number, ...clients: readonly GuardedProcess[]): Promise<void> =>
  poll(`${count} messages`, 30_000, async () => new Set(read(...clients)).size >= count);

function assertCommitted(cluster: EmbeddedCluster, perPartition: number): void {
  const committed = Array.from(cluster.committed(GROUP), ([place, { offset }]) => [place, offset]);
  assert.deepEqual(
    committed.sort(),
    everything.map(place => [place, perPartition]),
  );
}

/** kcat as a member. It tells of its assignments on stderr. */
function kcatMember(t: TestContext, cluster: EmbeddedCluster, args: readonly string[]): GuardedProcess {
  const settings = ['session.timeout.ms=6000', 'heartbeat.interval.ms=100', 'auto.offset.reset=earliest', ...args];
  const member = GuardedProcess.start(findProgram('kcat') ?? 'kcat', [
    ...['-G', GROUP, '-b', cluster.brokers.join(',')],
    ...['-u', '-f', '%s\n', ...settings.flatMap(setting => ['-X', setting]), 'orders'],
  ]);
  t.after(() => member.kill());
  return member;
}

/** The partitions of the last assignment that a kcat told of. */
function lastAssigned({ stderr }: GuardedProcess): string[] {
  const line = stderr.split('\n').findLast(each => each.includes('assigned: ')) ?? '';
  return Array.from(line.matchAll(/(\w+) \[(\d+)\]/g), ([, topic, partition]) => `${topic}/${partition}`);
}

/** A test for kcat. */
function kcatTest(name: string, body: (t: TestContext) => Promise<void>): void {
  const lacking = missingKcat();
  test(name, { skip: lacking !== undefined && !REQUIRED && `${lacking} is not installed`, timeout: 90_000 }, body);
}

for (const [strategy, emulate] of [
  ['range', undefined],
  ['roundrobin', '2.8'],
  ['cooperative-sticky', undefined],
  ['range', '1.1'],
] as const) {
  kcatTest(`two kcats share a topic, then one reads on alone: ${strategy}, release ${emulate ?? 'newest'}`, async t => {
    const cluster = await filled(t, emulate);
    const args = [`partition.assignment.strategy=${strategy}`];
    const first = kcatMember(t, cluster, args);
    assert.deepEqual(shared(await cluster.untilStable(GROUP, 1)), everything);
    await untilRead(PARTITIONS * PER_PARTITION, first);
    const second = kcatMember(t, cluster, args);
    const isIncremental = strategy === 'cooperative-sticky';
    await poll('a share for both', 30_000, async () => {
      const members = await cluster.untilStable(GROUP, 2);
      return members.every(({ partitions }) => partitions.length === PARTITIONS / 2);
    });
    assert.deepEqual(shared(cluster.members(GROUP)), everything);
    if (!isIncremental) {
      const told = () => [...lastAssigned(first), ...lastAssigned(second)].sort();
      await poll('both tell of it', 30_000, async () => told().length === PARTITIONS);
      assert.deepEqual(told(), everything);
    }
    for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
    await untilRead(PARTITIONS * (PER_PARTITION + 1), first, second);
    assert.ok(read(second).length > 0, 'the second one reads too');

    await second.stop();
    await poll('all for the first', 30_000, async () => shared(await cluster.untilStable(GROUP, 1)).length === PARTITIONS);
    for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
    await untilRead(PARTITIONS * (PER_PARTITION + 2), first, second);
    await first.stop();
    assert.equal(cluster.groupState(GROUP), 'Empty');
    assertCommitted(cluster, PER_PARTITION + 2);
    assert.deepEqual(read(first, second), messages(PER_PARTITION + 2), 'each message was read once');
    assert.deepEqual(cluster.errors, []);
  });
}

kcatTest('kcat follows its coordinator, and nothing is shared anew for that', async t => {
  const cluster = await filled(t);
  cluster.moveCoordinator(1);
  const member = kcatMember(t, cluster, []);
  const before = await cluster.untilStable(GROUP, 1);
  await untilRead(PARTITIONS * PER_PARTITION, member);
  const found = cluster.nextRequest(Heartbeat, { broker: 2, group: GROUP });
  cluster.moveCoordinator(2);
  await found;
  for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
  await untilRead(PARTITIONS * (PER_PARTITION + 1), member);
  assert.deepEqual(cluster.members(GROUP), before);
  await member.stop();
  assertCommitted(cluster, PER_PARTITION + 1);
  assert.deepEqual(read(member), messages(PER_PARTITION + 1), 'each message was read once');
});

kcatTest('a kcat that is a static member comes back to what it had, and the other does not hear of it', async t => {
  const cluster = await filled(t);
  const first = kcatMember(t, cluster, ['group.instance.id=one']);
  await cluster.untilStable(GROUP, 1);
  await untilRead(PARTITIONS * PER_PARTITION, first);
  const second = kcatMember(t, cluster, ['group.instance.id=two']);
  const before = await cluster.untilStable(GROUP, 2);
  await poll('both tell of it', 30_000, async () => [...lastAssigned(first), ...lastAssigned(second)].length === PARTITIONS);
  await first.stop();
  assert.deepEqual(cluster.members(GROUP), before, 'it has not left');
  const again = kcatMember(t, cluster, ['group.instance.id=one']);
  await poll('it has them again', 30_000, async () => lastAssigned(again).length === PARTITIONS / 2);
  for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
  await untilRead(PARTITIONS * (PER_PARTITION + 1), first, second, again);
  const after = cluster.members(GROUP);
  const held = (members: readonly GroupMember[]) =>
    members.map(({ instanceId, partitions, epoch }) => [instanceId, partitions, epoch]).sort();
  assert.deepEqual(held(after), held(before));
  assert.equal(new Set([...before, ...after].map(({ memberId }) => memberId)).size, 3, 'with another id');
  await again.stop();
  await second.stop();
  assertCommitted(cluster, PER_PARTITION + 1);
  assert.deepEqual(read(first, second, again), messages(PER_PARTITION + 1), 'each message was read once');
});

/** Java's console consumer as a member. */
async function javaMember(t: TestContext, cluster: EmbeddedCluster, properties: readonly string[]): Promise<GuardedProcess> {
  const member = await new KafkaHandle(DEFAULT_VERSION, cluster.brokers).startTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', cluster.brokers.join(','), '--topic', 'orders', '--group', GROUP],
    ...['auto.offset.reset=earliest', ...properties].flatMap(property => ['--consumer-property', property]),
  ]);
  t.after(() => member.kill());
  return member;
}

const groupCommand = (cluster: EmbeddedCluster, ...args: readonly string[]): Promise<string> =>
  new KafkaHandle(DEFAULT_VERSION, cluster.brokers).tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
    ...['--bootstrap-server', cluster.brokers.join(','), '--group', GROUP, ...args],
  ]);

for (const [protocol, properties, asks] of [
  ['classic', ['heartbeat.interval.ms=100', 'session.timeout.ms=10000'], JoinGroup],
  ['consumer', ['group.protocol=consumer'], ConsumerGroupHeartbeat],
] as const) {
  const options = { skip: requireKafka(), timeout: 120_000 };
  test(`two of Java's consumers share a topic, then one reads on alone: protocol ${protocol}`, options, async t => {
    const cluster = await filled(t);
    const first = await javaMember(t, cluster, properties);
    assert.deepEqual(shared(await cluster.untilStable(GROUP, 1)), everything);
    await untilRead(PARTITIONS * PER_PARTITION, first);
    const second = await javaMember(t, cluster, properties);
    const members = await cluster.untilStable(GROUP, 2);
    assert.deepEqual(
      members.map(({ partitions }) => partitions.length),
      [PARTITIONS / 2, PARTITIONS / 2],
    );
    assert.deepEqual(shared(members), everything);
    assert.ok(cluster.requests(asks).length >= 3, 'in the protocol that was asked for');
    for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
    await untilRead(PARTITIONS * (PER_PARTITION + 1), first, second);
    assert.ok(read(second).length > 0, 'the second one reads too');
    const described = await groupCommand(cluster, '--describe', '--members');
    for (const { memberId } of members) assert.ok(described.includes(memberId), described);

    await second.stop();
    assert.deepEqual(shared(await cluster.untilStable(GROUP, 1)), everything);
    for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
    await untilRead(PARTITIONS * (PER_PARTITION + 2), first, second);
    await first.stop();
    assert.equal(cluster.groupState(GROUP), 'Empty');
    assertCommitted(cluster, PER_PARTITION + 2);
    assert.deepEqual(read(first, second), messages(PER_PARTITION + 2), 'each message was read once');
    assert.match(await groupCommand(cluster, '--delete'), /successful/);
    assert.equal(cluster.groupState(GROUP), undefined);
    assert.deepEqual(cluster.errors, []);
  });
}

for (const [protocol, properties] of [
  ['classic', ['heartbeat.interval.ms=100', 'session.timeout.ms=60000']], // a Java that starts may take its time
  ['consumer', ['group.protocol=consumer']],
] as const) {
  const options = { skip: requireKafka(), timeout: 120_000 };
  test(`a consumer of Java that is a static member comes back to what it had: protocol ${protocol}`, options, async t => {
    const cluster = await filled(t);
    const of = (name: string) => javaMember(t, cluster, [...properties, `group.instance.id=${name}`]);
    const [first, second] = [await of('one'), await of('two')];
    const before = await cluster.untilStable(GROUP, 2);
    await untilRead(PARTITIONS * PER_PARTITION, first, second);
    await first.stop();
    assert.equal(cluster.members(GROUP).length, 2, 'it has not left for good');
    const again = await of('one');
    for (let partition = 0; partition < PARTITIONS; partition++) append(cluster, partition, 1);
    await untilRead(PARTITIONS * (PER_PARTITION + 1), first, second, again);
    assert.ok(read(again).length > 0, 'it reads on');
    const after = await cluster.untilStable(GROUP, 2);
    const held = (members: readonly GroupMember[]) =>
      members.map(({ instanceId, partitions, epoch }) => [instanceId, partitions, epoch]).sort();
    assert.deepEqual(held(after), held(before));
    await again.stop();
    await second.stop();
    assertCommitted(cluster, PER_PARTITION + 1);
    assert.deepEqual(read(first, second, again), messages(PER_PARTITION + 1), 'each message was read once');
  });
}
