import type { ForPartition } from '../cluster/scatter.js';
import type { Held } from './in-hand.js';
import type { Failure } from './thread-messages.js';
import type { Thread } from './threads.js';
import type { PartitionWork, Portion } from './work.js';

/** A share that a thread has. */
export interface Flight {
  readonly share: Portion;
  readonly work: PartitionWork;
  readonly slot: number;
  readonly begunAt: number;
  /** Where it begins. */
  readonly from: number;
  /** The message that is only to be looked at. */
  readonly show: number | undefined;
  /** Its thread takes nothing else meanwhile. */
  readonly isAlone: boolean;
  recalled: boolean;
  aborted: boolean;
  /** How many of its messages were counted. */
  count: number;
  /** What is done with what the thread said of it, in order. */
  chain: Promise<void>;
  /** A result that was refused: from there on nothing is done. */
  refused: Failure | undefined;
}

/** A thread, and what it has. */
export interface Crew {
  readonly thread: Thread;
  isReady: boolean;
  readonly flights: Map<number, Flight>;
  /** What it has in hand, and since when. */
  readonly seen: Map<string, number>;
  handled: number;
  busyMs: number;
  busySince: number | undefined;
}

/** What a run does at this moment. */
export interface FleetSnapshot {
  readonly threads: readonly ThreadSnapshot[];
  /** Attempts in vain, so far. */
  readonly retriedCount: number;
  /** Messages that a record in another topic stands for, so far. */
  readonly deadLetterCount: number;
}

export interface ThreadSnapshot {
  readonly threadIndex: number;
  readonly isReady: boolean;
  /** Which partitions it has a share of. */
  readonly partitions: readonly ForPartition[];
  readonly handledCount: number;
  /** How long it has had something to do, in ms. */
  readonly busyMs: number;
}

export const newCrew = (thread: Thread): Crew => ({
  ...{ thread, isReady: false, flights: new Map(), seen: new Map(), handled: 0, busyMs: 0, busySince: undefined },
});

/** All shares that threads have. */
export const flightsOf = (crews: Iterable<Crew>): readonly Flight[] => Array.from(crews, ({ flights }) => [...flights.values()]).flat();

/** The thread that has least to do, if one has room: it has less than `concurrency` shares, and none that it is to have alone. */
export function leastBusy(crews: Iterable<Crew>, concurrency: number): Crew | undefined {
  let best: Crew | undefined;
  for (const crew of crews) {
    const { isReady, flights, thread } = crew;
    if (!isReady || thread.isOver || flights.size >= concurrency) continue;
    if ([...flights.values()].some(({ isAlone }) => isAlone)) continue;
    if (best === undefined || flights.size < best.flights.size) best = crew;
  }
  return best;
}

/** Gives a thread a share, of the partition that `work` is of. */
export function launch(crew: Crew, work: PartitionWork, share: Portion, now: number): void {
  const { thread, flights } = crew;
  let slot = 0;
  while (flights.has(slot)) slot += 1;
  const { isAlone } = work;
  const order = work.order(share, slot);
  const { from, show } = order;
  flights.set(slot, {
    share: { ...share, records: nothing }, // they are the thread's: the answer they came in is not kept for them
    ...{ work, slot, begunAt: now, from, show, isAlone, recalled: false, aborted: false, count: 0, refused: undefined },
    chain: Promise.resolve(),
  });
  work.busy = true;
  crew.busySince ??= now;
  thread.inHand.begin(slot, from);
  thread.tell(order, [order.records]);
}

const nothing = Buffer.alloc(0);

/** A thread has a share no more. */
export function landed(crew: Crew, { slot, work }: Flight, now: number): void {
  crew.flights.delete(slot);
  work.busy = false;
  if (crew.flights.size > 0) return;
  crew.busyMs += now - (crew.busySince ?? 0);
  crew.busySince = undefined;
}

/** What a thread has in hand for `limitMs` or longer, if it has. */
export function heldTooLong({ thread, seen }: Crew, now: number, limitMs: number): Held | undefined {
  const held = thread.inHand.held();
  const keys = new Set(held.map(keyOf));
  for (const key of seen.keys()) if (!keys.has(key)) seen.delete(key);
  for (const each of held) if (!seen.has(keyOf(each))) seen.set(keyOf(each), now);
  return held.find(each => now - (seen.get(keyOf(each)) ?? now) >= limitMs);
}

const keyOf = ({ hand, turn }: Held): string => `${hand}:${turn}`;

/** What threads do. */
export function snapshotOf(crews: Iterable<Crew>, now: number): readonly ThreadSnapshot[] {
  return Array.from(crews, ({ thread, isReady, flights, handled, busyMs, busySince }) => ({
    ...{ threadIndex: thread.index, isReady, handledCount: handled },
    partitions: [...flights.values()].map(({ share: { partition } }) => ({ topic: partition.topic, partition: partition.partition })),
    busyMs: Math.round(busyMs + (busySince === undefined ? 0 : now - busySince)),
  }));
}
