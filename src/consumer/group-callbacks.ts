import { AsyncLocalStorage } from 'node:async_hooks';
import { asError, StateError } from '../base/errors.js';
import type { ForPartition } from '../cluster/scatter.js';

/** Told of partitions that come or go. What it gives is waited for. */
export type PartitionsCallback = (partitions: readonly ForPartition[]) => void | Promise<void>;

/** What users want to do when partitions come and go. */
export interface GroupCallbacks {
  readonly onAssign: PartitionsCallback | undefined;
  readonly onRevoke: PartitionsCallback | undefined;
  readonly onLost: PartitionsCallback | undefined;
}

/** A callback threw, or rejected. */
export interface CallbackFailure {
  readonly callback: keyof GroupCallbacks;
  /** What it was called with. */
  readonly partitions: readonly ForPartition[];
  readonly error: Error;
}

interface Call {
  readonly name: keyof GroupCallbacks;
  running: boolean;
}

/**
 * Runs the callbacks of a group's member, and knows which calls come from inside one. A call that waits for what comes after the callback would
 * wait for itself. Where a call comes from can only be told by its asynchronous context; that is followed while a callback runs, and costs
 * nothing otherwise.
 */
export class CallbackRunner {
  readonly #callbacks: GroupCallbacks;
  readonly #failed: (failure: CallbackFailure) => void;
  readonly #contexts = new AsyncLocalStorage<Call>();

  constructor(callbacks: GroupCallbacks, failed: (failure: CallbackFailure) => void) {
    this.#callbacks = callbacks;
    this.#failed = failed;
  }

  /** The callback from which this is asked, as long as it runs. */
  get inside(): keyof GroupCallbacks | undefined {
    const call = this.#contexts.getStore();
    return call?.running ? call.name : undefined;
  }

  /** @throws KafkaError `TIDE_STATE` inside of a callback. */
  assertOutside(what: string): void {
    const name = this.inside;
    if (name === undefined) return;
    throw new StateError('TIDE_STATE', `${what}: inside ${name} it would wait for what comes after ${name}, and so for itself`);
  }

  /** Runs one callback, if there is one, to its end. Gives what it threw, which has been told. Never rejects. */
  async run(name: keyof GroupCallbacks, partitions: readonly ForPartition[]): Promise<Error | undefined> {
    const callback = this.#callbacks[name];
    if (callback === undefined) return undefined;
    const call = { name, running: true };
    try {
      await this.#contexts.run(call, async () => callback(partitions));
      return undefined;
    } catch (thrown) {
      const error = asError(thrown);
      this.#failed({ callback: name, partitions, error });
      return error;
    } finally {
      call.running = false;
      this.#contexts.disable();
    }
  }
}
