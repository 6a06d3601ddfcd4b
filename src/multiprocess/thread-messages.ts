import type { LogFields, LogLevel } from '../base/log.js';
import type { AbortedTransaction } from '../records/index.js';
import type { PlainError } from './plain-error.js';

/*
 * What crosses between the main thread and the others: plain data, and memory that is handed over. No instance of a class survives the way.
 */

/** What a thread is told when it begins. */
export interface ThreadTask {
  readonly port: import('node:worker_threads').MessagePort;
  /** The file: URL of the handler module. */
  readonly handlerUrl: string;
  readonly workerData: unknown;
  /** Which of the threads it is, counted from 0. */
  readonly threadIndex: number;
  readonly inHand: SharedArrayBuffer;
  readonly concurrency: number;
  readonly ordering: Ordering;
  readonly marking: 'loop' | 'explicit';
  readonly maxDecompressedBytes: number;
  /** What was begun out of order is not given back with a hole in it: it may be committed. */
  readonly leavesNoHoles: boolean;
  readonly wantsResults: boolean;
  readonly wantsLog: boolean;
}

/**
 * What is kept in order within a thread: all messages of a partition, those of one key, or nothing. Partitions are never in order among
 * themselves.
 */
export type Ordering = 'partition' | 'key' | 'none';

/** A partition's share of a fetch answer, for a thread to work on. */
export interface ShareOrder {
  readonly kind: 'share';
  /** Its place among those the thread has. */
  readonly slot: number;
  readonly topic: string;
  readonly partition: number;
  readonly records: ArrayBuffer;
  readonly aborted: readonly AbortedTransaction[] | null;
  /** What is below was done before. */
  readonly from: number;
  readonly nextOffset: number;
  readonly highWatermark: number;
  /** Which attempt it is, for messages that were tried before. */
  readonly attempts: readonly (readonly [offset: number, attempt: number])[];
  /** Done already, above `from`. */
  readonly finished: readonly number[];
  /** Up to this offset messages are worked on alone, one to an order: with one of them something is wrong. */
  readonly aloneUpTo: number;
  /** The number of the attempt for those of them that are not among `attempts`. */
  readonly aloneAttempt: number;
  /** In place of records: what stands for damaged ones. */
  readonly damage: { readonly nextOffset: number; readonly error: PlainError } | undefined;
  /** The message at this offset is only to be looked at: given back as it is. */
  readonly show: number | undefined;
}

export type ToThread =
  | ShareOrder
  /** Whatever runs for this share is for nobody any more. */
  | { readonly kind: 'abort'; readonly slot: number; readonly reason: PlainError }
  | { readonly kind: 'sent'; readonly id: number; readonly stored: Stored | undefined; readonly error: PlainError | undefined }
  /** So many results were taken in. */
  | { readonly kind: 'taken'; readonly count: number }
  /** There will be no more shares. */
  | { readonly kind: 'end' };

/** Where a record was stored. */
export interface Stored {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

/** A record as it crosses. */
export interface PlainRecord {
  readonly topic: string;
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | string | null])[];
  readonly timestamp: number | undefined;
  readonly partition: number | undefined;
}

/** A message that was tried in vain. */
export interface Failure {
  readonly offset: number;
  /** The last message of the batch it was tried with; else `offset`. */
  readonly last: number;
  readonly error: PlainError;
}

/** What became of a share. */
export interface Returned {
  readonly kind: 'returned';
  readonly slot: number;
  /** Everything below is done. */
  readonly done: number;
  /** How many messages became so. */
  readonly count: number;
  /** Done above that. */
  readonly finished: readonly number[];
  /** Undefined when all of it is done. */
  readonly records: ArrayBuffer | undefined;
  readonly failures: readonly Failure[];
  /** The records cannot be read from here on. */
  readonly damaged: PlainError | undefined;
  readonly shown: PlainRecord | undefined;
}

export interface Result {
  readonly offset: number;
  /** The last message of the batch it is of; else `offset`. */
  readonly last: number;
  readonly attempt: number;
  readonly value: unknown;
}

export type FromThread =
  | { readonly kind: 'ready' }
  /** It cannot begin, or is of no use any more. */
  | { readonly kind: 'broken'; readonly error: PlainError }
  | Returned
  /** In the order of their messages, which are done with everything before them once these were taken in. */
  | { readonly kind: 'results'; readonly slot: number; readonly results: readonly Result[]; readonly done: number; readonly count: number }
  | { readonly kind: 'send'; readonly id: number; readonly record: PlainRecord }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields };
