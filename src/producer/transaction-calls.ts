import { StateError } from '../base/errors.js';
import { resolve } from '../base/options.js';
import { checkCommit, checkList, checkOnce } from '../client/inputs.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { WaitOptions } from '../client/wait-options.js';
import type { Bounds, Cluster } from '../cluster/cluster.js';
import { boundRules, type SendOptions } from './send-options.js';
import { checkGroup, type TransactionGroup } from './transaction-group.js';
import type { Transactions } from './transactions.js';

/** The transactions of a producer, as long as they are somebody's: begun, committed and aborted by nobody else. */
export interface HeldTransactions {
  /** Throw as those of `Producer`. */
  begin(options: WaitOptions & SendOptions): Promise<void>;
  commit(options: WaitOptions & SendOptions): Promise<void>;
  abort(options: WaitOptions & SendOptions): Promise<void>;
  /** They are anybody's again. */
  release(): void;
}

export interface TransactionCallsSettings {
  /** What the producer is called in messages. */
  readonly name: string;
  readonly cluster: Cluster;
  /** Undefined without a `transactionalId`. */
  readonly transactions: Transactions | undefined;
  /** @throws KafkaError `TIDE_CLOSED`. */
  assertOpen(): void;
}

type Options = (WaitOptions & SendOptions) | undefined;

/** The calls by which users begin and end the transactions of a producer: who may, and for how long each may wait. */
export class TransactionCalls {
  readonly #settings: TransactionCallsSettings;
  /** Whose the transactions are, when they are not anybody's. */
  #holder: object | undefined;

  constructor(settings: TransactionCallsSettings) {
    this.#settings = settings;
  }

  async begin(options: Options): Promise<void> {
    this.#assertNotHeld('begin()');
    await this.#begin(options);
  }

  async commit(options: Options): Promise<void> {
    this.#assertNotHeld('commit()');
    await this.#commit(options);
  }

  async abort(options: Options): Promise<void> {
    this.#assertNotHeld('abort()');
    await this.#abort(options);
  }

  async sendOffsets(group: string | TransactionGroup, offsets: readonly GroupOffset[], options: Options): Promise<void> {
    const checked = checkGroup(group);
    checkList(offsets, 'sendOffsets');
    for (const [i, entry] of offsets.entries()) checkCommit(entry, `sendOffsets[${i}]`);
    checkOnce(offsets, 'sendOffsets');
    await this.#run('sendOffsets()', options, (transactions, bounds) => transactions.sendOffsets(checked, offsets, bounds));
  }

  /** Lets somebody have the transactions. @throws KafkaError `TIDE_STATE` while somebody has them. */
  hold(): HeldTransactions {
    this.#assertNotHeld('begin() of a context');
    const holder = {};
    this.#holder = holder;
    return {
      begin: options => this.#begin(options),
      commit: options => this.#commit(options),
      abort: options => this.#abort(options),
      release: () => {
        if (this.#holder === holder) this.#holder = undefined;
      },
    };
  }

  #begin(options: Options): Promise<void> {
    return this.#run('begin()', options, (transactions, bounds) => transactions.begin(bounds));
  }

  #commit(options: Options): Promise<void> {
    return this.#run('commit()', options, (transactions, bounds) => transactions.commit(bounds));
  }

  #abort(options: Options): Promise<void> {
    return this.#run('abort()', options, (transactions, bounds) => transactions.abort(bounds));
  }

  /** @throws KafkaError `TIDE_STATE` while a commit context has the transactions. */
  #assertNotHeld(what: string): void {
    if (this.#holder === undefined) return;
    const { name } = this.#settings;
    const text = `${name} ${what}: a commit context has the transaction of this producer, and commits or aborts it; end the context`;
    throw new StateError('TIDE_STATE', text, { persistence: 'no' });
  }

  async #run(what: string, options: Options, run: (transactions: Transactions, bounds: Bounds) => Promise<void>): Promise<void> {
    const { name, cluster, transactions } = this.#settings;
    this.#settings.assertOpen();
    const { timeoutMs, signal } = resolve(what, boundRules, options);
    signal?.throwIfAborted();
    if (transactions === undefined) throw new StateError('TIDE_STATE', `${name} ${what}: the producer has no transactionalId`);
    await run(transactions, { signal, deadline: cluster.deadline(timeoutMs) });
  }
}
