import type { Member } from './assignor.js';
import type { Keepers } from './claims.js';
import { Shares } from './shares.js';
import type { WantedTopic } from './wanted.js';

/**
 * The sticky assignment where members want different topics: no other assignment is more even, and of those as even none moves fewer partitions.
 * Evenness is the sum of the squares of the loads; what is least by it is also least by the sum of all differences, which Java measures.
 *
 * It is a flow of least cost. First each partition goes back to its keeper, or to the emptiest that wants it; then single moves from full to
 * empty make it nearly even; what remains to be won is found as rings of moves. When no ring wins anything, none better exists.
 * @param members By id.
 */
export function stickyUneven(members: readonly Member[], topics: readonly WantedTopic[], keepers: Keepers): Shares {
  const holders = new Map(members.map(member => [member, new Holder(member.memberId)]));
  const free: Place[] = [];
  for (const { topic, members: wanting } of topics.toSorted((a, b) => a.members.length - b.members.length)) {
    const takers = new Set(wanting.flatMap(member => holders.get(member) ?? []));
    for (const [partition, keeper] of (keepers.get(topic) ?? []).entries()) {
      const home = keeper && holders.get(keeper);
      const place = { topic, partition, takers, home };
      if (home === undefined) free.push(place);
      else home.add(place);
    }
  }
  for (const place of free) emptiest(place.takers)?.add(place);

  const all = [...holders.values()];
  level(all);
  for (let ring = winningRing(all); ring !== undefined; ring = winningRing(all)) for (const way of ring) follow(way);

  const shares = new Shares(members);
  for (const { memberId, places } of all) for (const { topic, partition } of places) shares.give(memberId, topic, partition);
  return shares;
}

/** A partition that is to be held by one. */
interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly takers: ReadonlySet<Holder>;
  /** Who had it before. */
  readonly home: Holder | undefined;
}

/** Where something can be moved to or from: a member, or the {@link Node} that stands for more or less load. */
class Node {
  /** What it costs to get here, and the last way taken: for the search of rings. */
  distance = 0;
  arrival: Way | undefined;
}

/** A possible move of one place, and its cost. Without a place: the change of a load. */
interface Way {
  readonly from: Node;
  readonly to: Node;
  readonly cost: number;
  readonly move?: { readonly from: Holder; readonly to: Holder; readonly place: Place };
}

/** A member, and what it holds. */
class Holder extends Node {
  readonly memberId: string;
  readonly places = new Set<Place>();
  #ways: Map<Holder, Way> | undefined;

  constructor(memberId: string) {
    super();
    this.memberId = memberId;
  }

  get load(): number {
    return this.places.size;
  }

  add(place: Place): void {
    this.places.add(place);
    this.#ways = undefined;
  }

  remove(place: Place): void {
    this.places.delete(place);
    this.#ways = undefined;
  }

  /** To each member that can take something of this one: the cheapest move. */
  ways(): ReadonlyMap<Holder, Way> {
    if (this.#ways !== undefined) return this.#ways;
    const ways = new Map<Holder, Way>();
    for (const place of this.places) {
      for (const to of place.takers) {
        if (to === this) continue;
        const cost = costOf(place, this, to);
        const known = ways.get(to);
        if (known === undefined || cost < known.cost) ways.set(to, { from: this, to, cost, move: { from: this, to, place } });
      }
    }
    return (this.#ways = ways);
  }

  /** The cheapest move to one member. */
  wayTo(to: Holder): Way | undefined {
    let best: Way | undefined;
    for (const place of this.places) {
      if (!place.takers.has(to)) continue;
      const cost = costOf(place, this, to);
      if (best === undefined || cost < best.cost) best = { from: this, to, cost, move: { from: this, to, place } };
    }
    return best;
  }
}

/** Away from home costs 1, back home wins 1. */
const costOf = ({ home }: Place, from: Holder, to: Holder): number =>
  home === undefined ? 0 : (home === to ? 0 : 1) - (home === from ? 0 : 1);

function emptiest(takers: ReadonlySet<Holder>): Holder | undefined {
  let found: Holder | undefined;
  for (const holder of takers) if (found === undefined || holder.load < found.load) found = holder;
  return found;
}

function follow({ move }: Way): void {
  if (move === undefined) return;
  move.from.remove(move.place);
  move.to.add(move.place);
}

/**
 * Moves places, one at a time, to the emptiest from the fullest that can give it one and has at least two more. One that nobody can give
 * anything is not looked at again: it may be by then, but what single moves leave undone rings do.
 */
function level(holders: readonly Holder[]): void {
  const open = new Set(holders);
  while (open.size > 0) {
    const byLoad = holders.toSorted((a, b) => a.load - b.load);
    for (const to of byLoad) {
      if (!open.has(to)) continue;
      const way = fromFullest(byLoad, to);
      if (way === undefined) {
        open.delete(to);
        continue;
      }
      follow(way);
      break;
    }
  }
}

/** The cheapest way from those of the largest load that have one. */
function fromFullest(byLoad: readonly Holder[], to: Holder): Way | undefined {
  let best: Way | undefined;
  let load = to.load + 2;
  for (let i = byLoad.length - 1; i >= 0; i--) {
    const from = byLoad[i];
    if (from === undefined || from.load < load) break;
    const way = from.wayTo(to);
    if (way === undefined || (best !== undefined && way.cost >= best.cost)) continue;
    best = way;
    load = from.load;
  }
  return best;
}

/**
 * Moves that form a ring, or lead from one member to another, after which the group is more even, or as even with fewer places away from home.
 * Bellman and Ford's search for a ring of negative cost. One node stands for load: leaving it towards a member takes one off that member's load,
 * coming back to it adds one, at the cost that the squares change by. A ring has less than `unit` moves, so load always weighs more.
 */
function winningRing(holders: readonly Holder[]): Way[] | undefined {
  const unit = holders.length + 2;
  const load = new Node();
  const nodes: readonly Node[] = [load, ...holders];
  const ways = holders.flatMap(holder => [
    ...holder.ways().values(),
    { from: holder, to: load, cost: unit * (2 * holder.load + 1) },
    ...(holder.load > 0 ? [{ from: load, to: holder, cost: -unit * (2 * holder.load - 1) }] : []),
  ]);
  for (const node of nodes) {
    node.distance = 0;
    node.arrival = undefined;
  }
  for (;;) {
    let nearer = false;
    for (const way of ways) {
      const distance = way.from.distance + way.cost;
      if (distance >= way.to.distance) continue;
      way.to.distance = distance;
      way.to.arrival = way;
      nearer = true;
    }
    if (!nearer) return undefined;
    const ring = ringOfArrivals(nodes);
    if (ring !== undefined) return ring;
  }
}

/** The ways of a ring among the last ways taken; such a ring always has a negative cost. */
function ringOfArrivals(nodes: readonly Node[]): Way[] | undefined {
  const seen = new Map<Node, Node>();
  for (const start of nodes) {
    let at: Node | undefined = start;
    while (at !== undefined && !seen.has(at)) {
      seen.set(at, start);
      at = at.arrival?.from;
    }
    if (at === undefined || seen.get(at) !== start) continue;
    const ring: Way[] = [];
    const end = at;
    for (let way = end.arrival; way !== undefined; way = way.from === end ? undefined : way.from.arrival) ring.push(way);
    return ring;
  }
  return undefined;
}
