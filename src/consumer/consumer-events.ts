import type { ForPartition } from '../cluster/scatter.js';
import type { Rebalance } from '../group/index.js';
import type { Committed } from './committer.js';
import type { NotDeserialized } from './deserializers.js';
import type { CallbackFailure } from './group-callbacks.js';
import type { HeldBack } from './held-back-watch.js';
import type { DroppedMarks } from './implied-marks.js';
import type { OutOfRange } from './placing.js';
import type { PassedOver } from './prefetched.js';

/** A message that was tried `maxAttempts` times in vain, and is passed over. */
export interface PoisonedMessage extends ForPartition {
  readonly offset: number;
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly error: Error;
  /** `'skipped'`, or the topic where a record stands for it. */
  readonly to: 'skipped' | { readonly topic: string };
}

/** What a consumer tells its listeners. */
export interface ConsumerEvents {
  /** A handler of a `MultiProcessConsumer` failed at a message again and again, and it is passed over. */
  poisoned: PoisonedMessage;
  /** A thread of a `MultiProcessConsumer` ended; another stands in its place. */
  threadReplaced: { readonly threadIndex: number; readonly error: Error };
  /** Kafka has stored these offsets for the group: by a commit, automatic or not, or by that of a context. */
  committed: Committed;
  /** An automatic commit failed; the next trigger tries again. */
  commitFailed: { readonly error: Error };
  /** The offset to fetch was not in the log; the policy chose another. */
  outOfRange: OutOfRange;
  /** Damaged records were passed over (`onCorrupt: 'skip'`), or are handed out as one invalid message (`'return'`). */
  corruptRecords: PassedOver;
  /** A message whose key or value could not be made was passed over (`onDeserializationError: 'skip'`), or is handed out invalid (`'return'`). */
  deserializationFailed: NotDeserialized;
  /** These partitions are read from now on: the group has given them to this member. */
  assigned: { readonly partitions: readonly ForPartition[] };
  /** These went to other members of the group; what was done of them is committed, if that is automatic. */
  revoked: { readonly partitions: readonly ForPartition[] };
  /** The group has gone on without this member: others may have these. What was done of them and not committed comes again there. */
  lost: { readonly partitions: readonly ForPartition[]; readonly error: Error };
  /**
   * The reader has asked for more, and with that what it had is done; but these messages are of a partition that went to another member, or was
   * lost, before it did. They are not marked, and come again there.
   */
  marksDropped: DroppedMarks;
  /** With `marking: 'explicit'`: one message is not marked for longer than `maxPollIntervalMs`, and nothing behind it can be committed. Told once for each. */
  heldBack: HeldBack;
  /** `onAssign`, `onRevoke` or `onLost` threw. What it was called for happens all the same; the next read, or else `close`, rejects with the error too. */
  callbackFailed: CallbackFailure;
  /** The group is at rest again. */
  rebalance: Rebalance;
}

/** Tells the listeners of a consumer. */
export type Emitting = <K extends keyof ConsumerEvents>(event: K, detail: ConsumerEvents[K]) => void;
