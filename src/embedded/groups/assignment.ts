/** Partitions by the ids of their topics. Nobody changes one that was made; no topic in it is without partitions. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>;

/** As answers and requests list it. */
export type ListedPartitions = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

export const NO_PARTITIONS: Assignment = new Map();

export function fromListed(listed: ListedPartitions): Assignment {
  return gathered(listed.flatMap(({ topicId, partitions }) => partitions.map(partition => [topicId, partition] as const)));
}

export const toListed = (assignment: Assignment): { topicId: string; partitions: number[] }[] =>
  [...assignment].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }));

/** Every partition by itself. */
export function* each(assignment: Assignment): Generator<readonly [topicId: string, partition: number]> {
  for (const [topicId, partitions] of assignment) for (const partition of partitions) yield [topicId, partition];
}

export function gathered(partitions: Iterable<readonly [topicId: string, partition: number]>): Assignment {
  const topics = new Map<string, Set<number>>();
  for (const [topicId, partition] of partitions) topics.set(topicId, (topics.get(topicId) ?? new Set()).add(partition));
  return topics;
}

/** Those partitions of which `keep` says yes. */
export function only(assignment: Assignment, keep: (topicId: string, partition: number) => boolean): Assignment {
  return gathered([...each(assignment)].filter(([topicId, partition]) => keep(topicId, partition)));
}

export const has = (assignment: Assignment, topicId: string, partition: number): boolean =>
  assignment.get(topicId)?.has(partition) ?? false;

export const both = (a: Assignment, b: Assignment): Assignment => only(a, (topicId, partition) => has(b, topicId, partition));
export const without = (a: Assignment, b: Assignment): Assignment => only(a, (topicId, partition) => !has(b, topicId, partition));
export const joined = (a: Assignment, b: Assignment): Assignment => gathered([...each(a), ...each(b)]);
export const same = (a: Assignment, b: Assignment): boolean => without(a, b).size === 0 && without(b, a).size === 0;
