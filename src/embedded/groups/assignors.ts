import { type Assignment, each, gathered, has } from './assignment.js';

/** A member as an assignor sees it. */
export interface Reader {
  readonly id: string;
  readonly instanceId: string | null;
  /** The ids of the topics it wants to read. */
  readonly topicIds: ReadonlySet<string>;
  /** What it was to have before. */
  readonly before: Assignment;
}

/** The number of partitions by the id of the topic. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** Gives each member its partitions: every partition of a topic that somebody wants to read goes to exactly one who does. */
export type Assignor = (readers: readonly Reader[], counts: PartitionCounts) => ReadonlyMap<string, Assignment>;

/** In the order of Kafka's group.consumer.assignors: the first is what a group has that asks for none. */
export const assignors: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', uniform],
  ['range', range],
]);

export const DEFAULT_ASSIGNOR = 'uniform';

/** Of each topic a run of partitions to each of its readers, the same runs where topics have as many partitions. */
function range(readers: readonly Reader[], counts: PartitionCounts): Map<string, Assignment> {
  const inOrder = [...readers].sort(byInstanceThenId);
  const shares = new Map(readers.map(({ id }): [string, Partition[]] => [id, []]));
  for (const [topicId, count] of counts) {
    const wanting = inOrder.filter(({ topicIds }) => topicIds.has(topicId));
    let from = 0;
    for (const [i, { id }] of wanting.entries()) {
      const until = from + Math.floor(count / wanting.length) + (i < count % wanting.length ? 1 : 0);
      for (; from < until; from++) shares.get(id)?.push([topicId, from]);
    }
  }
  return new Map([...shares].map(([id, share]) => [id, gathered(share)]));
}

function byInstanceThenId(a: Reader, b: Reader): number {
  if (a.instanceId === null && b.instanceId === null) return a.id < b.id ? -1 : 1;
  if (a.instanceId === null) return 1;
  return b.instanceId === null || a.instanceId < b.instanceId ? -1 : 1;
}

/**
 * Everybody as many partitions as the others, as far as they want the same topics, and of those it had before as many as fit. Where all
 * want the same it is Kafka's; else it is as even, and may divide otherwise.
 */
function uniform(readers: readonly Reader[], counts: PartitionCounts): Map<string, Assignment> {
  const inOrder = [...readers].sort((a, b) => (a.id < b.id ? -1 : 1));
  const isAlike = inOrder.every(({ topicIds }) => topicIds.size === counts.size);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const shares = new Map(inOrder.map(({ id }): [string, Partition[]] => [id, []]));
  const free = nobodys(inOrder, counts);
  for (const [i, { id, topicIds, before }] of inOrder.entries()) {
    const share = shares.get(id) ?? [];
    const quota = isAlike ? quotaOf(i, inOrder.length, total) : total;
    for (const [topicId, partition] of each(before)) {
      if (partition >= (counts.get(topicId) ?? 0)) continue;
      const keeps = topicIds.has(topicId) && share.length < quota;
      (keeps ? share : free).push([topicId, partition]);
    }
  }
  for (const partition of free) {
    const share = isAlike ? firstWithRoom(inOrder, shares, total) : smallest(wantingOf(inOrder, partition[0]), shares);
    share?.push(partition);
  }
  while (!isAlike && level(inOrder, shares));
  return new Map([...shares].map(([id, share]) => [id, gathered(share)]));
}

type Partition = readonly [topicId: string, partition: number];
type Shares = ReadonlyMap<string, Partition[]>;

/** The partitions that no reader had before. */
function nobodys(readers: readonly Reader[], counts: PartitionCounts): Partition[] {
  const free: Partition[] = [];
  for (const [topicId, count] of counts) {
    for (let partition = 0; partition < count; partition++) {
      if (!readers.some(({ before }) => has(before, topicId, partition))) free.push([topicId, partition]);
    }
  }
  return free;
}

/** Those at the beginning have one more where it does not come out even. */
const quotaOf = (i: number, count: number, total: number): number => Math.floor(total / count) + (i < total % count ? 1 : 0);

const firstWithRoom = (readers: readonly Reader[], shares: Shares, total: number) =>
  shares.get(readers.find(({ id }, i) => (shares.get(id)?.length ?? 0) < quotaOf(i, readers.length, total))?.id ?? '');

const wantingOf = (readers: readonly Reader[], topicId: string): Reader[] => readers.filter(({ topicIds }) => topicIds.has(topicId));

function smallest(readers: readonly Reader[], shares: Shares): Partition[] | undefined {
  let found: Partition[] | undefined;
  for (const { id } of readers) {
    const share = shares.get(id);
    if (share !== undefined && (found === undefined || share.length < found.length)) found = share;
  }
  return found;
}

/** Takes from those who have two more than another that could have one of them. False when nobody has. */
function level(readers: readonly Reader[], shares: Shares): boolean {
  for (const share of shares.values()) {
    for (const [i, partition] of share.entries()) {
      const other = smallest(wantingOf(readers, partition[0]), shares);
      if (other === undefined || other.length + 1 >= share.length) continue;
      share.splice(i, 1);
      other.push(partition);
      return true;
    }
  }
  return false;
}
