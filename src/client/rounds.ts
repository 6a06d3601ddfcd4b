import type { ForPartition, Outcome } from '../cluster/scatter.js';

/** Items, no two of one partition, and their places in the list they come from. */
interface Round<Item> {
  readonly items: Item[];
  readonly places: number[];
}

/** The items so divided that no round names a partition twice, as brokers refuse requests that do; each partition's in their order. */
function roundsOf<Item extends ForPartition>(items: readonly Item[]): readonly Round<Item>[] {
  const rounds: Round<Item>[] = [];
  const seen = new Map<string, number>();
  for (const [place, item] of items.entries()) {
    const where = `${item.topic}/${item.partition}`;
    const before = seen.get(where) ?? 0;
    seen.set(where, before + 1);
    let round = rounds[before];
    if (round === undefined) rounds.push((round = { items: [], places: [] }));
    round.items.push(item);
    round.places.push(place);
  }
  return rounds;
}

/** How rounds follow each other: all at once, for what only reads; one after the other, where the order in a partition counts. */
export type Pace = 'together' | 'in turn';

/** The outcome of every item, in their order, of rounds in which no partition comes twice. */
export async function inRounds<Item extends ForPartition, Result>(
  items: readonly Item[],
  pace: Pace,
  run: (items: readonly Item[]) => Promise<readonly Outcome<Result>[]>,
): Promise<readonly Outcome<Result>[]> {
  const outcomes = new Array<Outcome<Result>>(items.length);
  const take = async ({ items: some, places }: Round<Item>) => {
    const found = await run(some);
    for (const [i, place] of places.entries()) {
      const outcome = found[i];
      if (outcome !== undefined) outcomes[place] = outcome;
    }
  };
  const rounds = roundsOf(items);
  if (pace === 'together') await Promise.all(rounds.map(take));
  else for (const round of rounds) await take(round);
  return outcomes;
}

/** The items of each topic, by its name, in the order in which they come first. */
export function byTopic<Item extends ForPartition>(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> {
  const topics = new Map<string, Item[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list === undefined) topics.set(item.topic, [item]);
    else list.push(item);
  }
  return topics;
}
