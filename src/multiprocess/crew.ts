import type { ForPartition } from '../cluster/scatter.js';
import type { RawShare } from '../consumer/partition.js';
import type { Held } from './in-hand.js';
import type { Thread } from './threads.js';
import type { PartitionWork } from './work.js';

/** A share that a thread has. */
export interface Flight {
  readonly share: RawShare;
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
  refused: { readonly offset: number; readonly attempt: number; readonly error: Error } | undefined;
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
