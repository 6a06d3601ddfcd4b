import { channel } from 'node:diagnostics_channel';
import type { ConsumerEvents } from './consumer-events.js';
import type { Asked } from './fetch-request.js';
import { offsetsOf, type PartitionOffsets } from './partition-offsets.js';

/** What is published on `tidemark:consumer:` and the name of an event, for each consumer of the process: the event, and whose it is. */
export type ConsumerTrace<K extends keyof ConsumerEvents = keyof ConsumerEvents> = ConsumerEvents[K] & {
  /** Undefined for a consumer without a group. */
  readonly groupId: string | undefined;
};

/** One fetch that was answered, and where its partitions stand since. Published on `tidemark:consumer:fetch`. */
export interface FetchTrace {
  readonly groupId: string | undefined;
  readonly brokerId: number;
  /** From asking to the answer, the time included for which the broker waited for records. */
  readonly durationMs: number;
  /** Those that were asked for, as `offsets()` gives them: the end of the log, and the lag. */
  readonly partitions: readonly PartitionOffsets[];
}

const known: Record<keyof ConsumerEvents, true> = {
  assigned: true,
  callbackFailed: true,
  commitFailed: true,
  committed: true,
  corruptRecords: true,
  deserializationFailed: true,
  heldBack: true,
  lost: true,
  marksDropped: true,
  outOfRange: true,
  poisoned: true,
  rebalance: true,
  revoked: true,
  threadReplaced: true,
};

/** Every event of consumers. */
export const consumerEventNames = Object.keys(known);

const channels = new Map(consumerEventNames.map(name => [name, channel(`tidemark:consumer:${name}`)]));
const fetches = channel('tidemark:consumer:fetch');

/** Publishes an event of the consumer of a group, where somebody listens. */
export function traceEvent<K extends keyof ConsumerEvents>(event: K, groupId: string | undefined, detail: ConsumerEvents[K]): void {
  const to = channels.get(event);
  if (to?.hasSubscribers) to.publish({ ...detail, groupId } satisfies ConsumerTrace<K>);
}

/** Publishes a fetch of the consumer of a group, where somebody listens. */
export function traceFetch(groupId: string | undefined, brokerId: number, durationMs: number, asked: readonly Asked[]): void {
  if (!fetches.hasSubscribers) return;
  const partitions = offsetsOf(asked.map(({ partition }) => partition));
  fetches.publish({ groupId, brokerId, durationMs, partitions } satisfies FetchTrace);
}
