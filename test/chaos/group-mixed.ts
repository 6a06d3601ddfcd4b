import assert from 'node:assert/strict';
import { KafkaClient, KeyedProducer } from '../../src/index.js';
import { seeded } from '../interop/workload.js';
import { type KafkaHandle, poll, uniqueName } from '../kafka/handle.js';
import { type GroupProtocol, type GroupView, viewGroup } from './group-view.js';
import { joinAs, type Kind, type MixedGroup, type MixedMember } from './mixed-member.js';

const PARTITIONS = 6;
const PATIENCE_MS = 60_000;

/** What happens to a group whose members are of several clients. */
export interface GroupMixedOptions {
  readonly seed: number;
  readonly protocol: GroupProtocol;
  /** Names of assignors of the classic protocol, the preferred one first. */
  readonly assignors: readonly string[];
  /** Whose members are in it beside ours. */
  readonly others: readonly Kind[];
  /** How often somebody joins or leaves, after the first of each kind have joined. */
  readonly changeCount: number;
}

/** One change of the members, as the group took it. */
export interface MixedChange {
  readonly what: string;
  /** From the newcomer's first request, or the end of the one who left, until everything was with somebody again. */
  readonly ms: number;
  /** Generations of the group; undefined: of the new protocol, which has none. */
  readonly generationCount: number | undefined;
  /** Whether one of ours led the group, and divided its partitions. */
  readonly isLedByUs: boolean;
}

/** What there is to say of such a group. */
export interface MixedFindings {
  readonly changes: readonly MixedChange[];
  /** Messages that were read again after a kcat had read them: it gives up what it has before its last commit has arrived. */
  readonly repeatCount: number;
}

/**
 * Members of ours, of Java's and of kcat's share a topic, and one after the other joins or leaves. After each change every partition gets a
 * message, which its owner has to read.
 * @throws AssertionError unless after each change every partition is with exactly one member, in equal shares, and each message is read by its owner, and by nobody else, but what a kcat was the owner of.
 */
export async function groupMixed(kafka: KafkaHandle, options: GroupMixedOptions): Promise<MixedFindings> {
  const { seed, protocol, assignors, others, changeCount } = options;
  await using client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic({ partitions: PARTITIONS });
  const group: MixedGroup = { kafka, topic, groupId: uniqueName('mixed'), protocol, assignors };
  const next = seeded(seed);
  const choose = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] ?? assert.fail('nothing to choose from');
  const producer = new KeyedProducer(client, { partitioner: ({ key }) => Number(key) });
  const all: MixedMember[] = [];
  let members: readonly MixedMember[] = [];
  const changes: MixedChange[] = [];
  const ownerOf = new Map<string, string>();
  let written = 0;

  const divisionCount = (): number => all.reduce((sum, each) => sum + each.divisionCount, 0);
  const now = () => ({ generation: generationOf(members), divisions: divisionCount() });

  /** Waits until the group has taken it, and sees who reads what. */
  const settle = async (what: string, since: () => number | undefined, before: ReturnType<typeof now>): Promise<void> => {
    let view: GroupView | undefined;
    await poll(`${what}: shares for ${members.map(({ name }) => name)}`, PATIENCE_MS, async () => {
      view = await viewGroup(client, group.groupId, protocol, topic);
      return isShared(view, members);
    }).catch((error: unknown) => {
      throw new Error(JSON.stringify(view), { cause: error });
    });
    const ms = performance.now() - (since() ?? Number.NaN);
    const owners = new Map(view?.members.flatMap(({ clientId, partitions }) => partitions.map(each => [each, clientId] as const)));
    const values = Array.from({ length: PARTITIONS }, (_, partition) => `${partition}/${written}`);
    written += 1;
    await producer.sendMany(values.map((value, partition) => ({ topic, key: `${partition}`, value })));
    const read = () => new Map(members.flatMap(({ name, values: theirs }) => theirs.map(value => [value, name] as const)));
    await poll(`${what}: messages read`, PATIENCE_MS, async () => values.every(value => read().has(value)));
    for (const [partition, value] of values.entries()) ownerOf.set(value, owners.get(partition) ?? '');
    for (const [partition, value] of values.entries()) assert.equal(read().get(value), owners.get(partition), `${what}: who read ${value}`);
    const generation = generationOf(members);
    const generationCount = generation === undefined || before.generation === undefined ? undefined : generation - before.generation;
    changes.push({ what, ms, generationCount, isLedByUs: divisionCount() > before.divisions });
  };

  const join = async (kind: Kind): Promise<void> => {
    const name = `${kind}-${all.length + 1}`;
    const before = now();
    const member = await joinAs[kind](group, name);
    all.push(member);
    members = [...members, member];
    let since: number | undefined;
    await poll(`${name} in the group`, PATIENCE_MS, async () => {
      const view = await viewGroup(client, group.groupId, protocol, topic);
      if (view.members.some(({ clientId }) => clientId === name)) since = performance.now();
      return since !== undefined;
    });
    await settle(`${name} joined`, () => since, before);
  };

  const leave = async (member: MixedMember): Promise<void> => {
    const before = now();
    members = members.filter(each => each !== member);
    await member.leave();
    const since = performance.now();
    await settle(`${member.name} left`, () => since, before);
  };

  try {
    const first: Kind[] = next() < 0.5 ? ['ours', ...others] : [...others, 'ours'];
    for (const kind of first) await join(kind);
    for (let i = 0; i < changeCount; i++) {
      const ourCount = members.filter(({ kind }) => kind === 'ours').length;
      const mayLeave = members.filter(({ kind }) => kind !== 'ours' || ourCount > 1);
      const leaves = members.length >= 5 || (mayLeave.length > 0 && members.length > 2 && next() < 0.5);
      if (leaves) await leave(choose(mayLeave));
      else await join(choose(['ours', ...others]));
    }
    for (const member of members.filter(({ kind }) => kind !== 'ours')) await leave(member);
    const readers = new Map<string, string[]>();
    for (const { name, values } of all) for (const value of values) readers.set(value, [...(readers.get(value) ?? []), name]);
    assert.equal(readers.size, PARTITIONS * written);
    const repeated = [...readers].filter(([, names]) => names.length > 1);
    assert.deepEqual(
      repeated.filter(([value]) => !ownerOf.get(value)?.startsWith('kcat')),
      [],
      'each message was read once',
    );
    return { changes, repeatCount: repeated.length };
  } finally {
    await Promise.all(all.map(member => member.leave()));
  }
}

/** Every partition with exactly one of them, and in equal shares. */
function isShared({ state, members }: GroupView, wanted: readonly MixedMember[]): boolean {
  const partitions = members.flatMap(each => each.partitions);
  const shares = members.map(each => each.partitions.length);
  return (
    state.toLowerCase() === 'stable' &&
    String(members.map(({ clientId }) => clientId).sort()) === String(wanted.map(({ name }) => name).sort()) &&
    new Set(partitions).size === PARTITIONS &&
    partitions.length === PARTITIONS &&
    Math.max(...shares) - Math.min(...shares) <= 1
  );
}

/** Of the group at rest, as one of ours has seen it. */
const generationOf = (members: readonly MixedMember[]): number | undefined => {
  const seen = members.flatMap(({ generationId }) => generationId ?? []);
  return seen.length === 0 ? undefined : Math.max(...seen);
};
