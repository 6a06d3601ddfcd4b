import type { Deadline } from '../base/clock.js';
import { DeserializationError, InputError } from '../base/errors.js';
import { checkNames, show, signalOf } from '../base/options.js';
import { orAborted } from '../base/wait.js';
import { checkCount } from '../client/inputs.js';
import type { AnyMessage } from '../records/index.js';
import type { EmptyAnswers } from './empty-answers.js';
import type { HandOut } from './hand-out.js';
import type { Partition } from './partition.js';

/** How a call that gives messages waits. */
export interface GetOptions {
  /** `true` waits until all that were asked for are there, a number until there are that many, `false` not at all. Default true. */
  readonly block?: boolean | number | undefined;
  /**
   * Longest wait for messages in ms; short or empty is no error. `null`: no limit. Default 100. What a first read has to do before, to join its group
   * and to learn where to begin, is not counted; `signal` ends that too.
   */
  readonly timeoutMs?: number | null | undefined;
  /** Rejects the call with its reason; what it had collected is handed out again. */
  readonly signal?: AbortSignal | undefined;
}

/** What such a call asks for. */
export interface Wanted {
  /** The most it takes. */
  readonly count: number;
  /** So many are waited for. */
  readonly waitFor: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Where the messages come from, and when there is no use in more of them. */
export interface Source {
  readonly handOut: HandOut;
  readonly empty: EmptyAnswers;
  partitions(): readonly Partition[];
  deadline(timeoutMs: number): Deadline;
  /** Asks for what is there, once, without waiting. */
  fetchOnce(): Promise<void>;
  /** Whether the consumer is being closed. */
  isClosing(): boolean;
  /** Whether the messages are for nobody any more. */
  isOver(): boolean;
  /** Whether other partitions are to be read now, which are not known yet. */
  isReplaced(): boolean;
  /** Whether somebody waits until what they are for is done: then there is what there is. */
  isHurried(): boolean;
  /** @throws KafkaError `TIDE_CLOSED` once the consumer is being closed. */
  assertOpen(): void;
}

const names: readonly (keyof GetOptions)[] = ['block', 'timeoutMs', 'signal'];

/** @throws KafkaError `TIDE_INPUT` for a count, or a time, that is none; `TIDE_OPTION` for an option that is not known, or a signal that is none. */
export function wantedBy(count: number, options: GetOptions, what: string): Wanted {
  checkCount(count, what);
  checkNames(what, names, options);
  const { block = true, timeoutMs = 100, signal } = options;
  if (signal !== undefined) signalOf(what, { signal });
  if (typeof block !== 'boolean') checkCount(block, `${what} block`, 0);
  checkTime(timeoutMs, what);
  const waitFor = block === true ? count : block === false ? 0 : Math.min(block, count);
  return { count, waitFor, timeoutMs: timeoutMs ?? Number.POSITIVE_INFINITY, signal };
}

/**
 * Adds to `messages` what is wanted, as far as it comes in time: what was taken from the partitions is there, also after a throw. Others may take
 * out meanwhile what is of a partition that nobody reads any more.
 */
export async function collect(
  messages: AnyMessage[],
  { count, waitFor, timeoutMs, signal }: Wanted,
  from: Source,
  what: string,
): Promise<void> {
  const { handOut, empty } = from;
  const take = (partition: Partition) => {
    try {
      return partition.take();
    } catch (error) {
      // The next call meets it first, and tells; what came before it must not wait for that.
      if (messages.length === 0 || !(error instanceof DeserializationError)) throw error;
      isStuck = true;
      return undefined;
    }
  };
  // What was collected may be what a partition waits for before it can go on; and one that is in trouble, which the next call tells, is not to
  // take away what others gave. Then it is given now.
  const isDue = ({ stalled, leaving, failure, paused }: Partition) => stalled || leaving || (failure !== undefined && !paused);
  const enough = () => (messages.length > 0 ? from.partitions().some(isDue) : empty.tooMany);
  let isStuck = false;
  const isMaking = () => from.partitions().some(partition => partition.isMaking);
  const stopped = () => from.isClosing() || from.isOver() || from.isReplaced() || isStuck || enough();
  const deadline = from.deadline(timeoutMs);
  let asked = false;
  while (messages.length < count) {
    const before = messages.length;
    takeReady(messages, count, handOut);
    if (messages.length === before) {
      const waitMs = before < waitFor || (before === 0 && isMaking()) ? deadline.remainingMs() : 0;
      const message = await handOut.wait(take, waitMs, signal, stopped, from.isHurried);
      if (message !== undefined) messages.push(message);
    }
    signal?.throwIfAborted();
    from.assertOpen();
    if (from.isOver()) return;
    if (messages.length !== before) continue; // also when something was withdrawn
    if (from.isReplaced()) return;
    if (messages.length === 0) empty.check(what);
    // What is there and is being made counts as there.
    if (messages.length === 0 && isMaking() && deadline.remainingMs() > 0) continue;
    // Nobody wants to wait, and nothing is there: one fetch that does not wait is left to try.
    if (waitFor > 0 || messages.length > 0 || asked) return;
    asked = true;
    await orAborted(from.fetchOnce(), signal);
  }
}

/** Adds what can be had at once: between two messages of a batch that is at hand nothing can happen that ends the call. */
function takeReady(messages: AnyMessage[], count: number, handOut: HandOut): void {
  while (messages.length < count) {
    const message = handOut.ready?.takeCurrent();
    if (message === undefined) return;
    messages.push(message);
  }
}

/** @throws KafkaError `TIDE_INPUT` unless it is a time in ms, or null for no limit. */
function checkTime(timeoutMs: unknown, what: string): void {
  if (timeoutMs === null || (typeof timeoutMs === 'number' && timeoutMs >= 0)) return;
  throw new InputError(`${what}: timeoutMs is a number of ms from 0, or null for no limit, got ${show(timeoutMs)}`);
}
