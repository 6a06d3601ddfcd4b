import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asError, asKafkaError, InputError, KafkaError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { custom, optional, resolve, show, signalRules } from '../base/options.js';
import { settledWithin } from '../base/wait.js';
import { type ClientCore, coreOf, type KafkaClient } from '../client/client.js';
import { checkTopic } from '../client/inputs.js';
import { KafkaConsumer, settingsOf } from '../consumer/kafka-consumer.js';
import type { Shares } from '../consumer/shares.js';
import { OffsetCommitContext } from '../context/index.js';
import { reactionTo } from '../group/index.js';
import { KeyedProducer, type Producer, type ProducerRecord, type RecordResult, stickyPartitioner } from '../producer/index.js';
import type { FleetSnapshot } from './crew.js';
import { Fleet } from './fleet.js';
import { Inflater } from './inflater.js';
import { assertForRun, type MultiProcessConsumerOptions, type MultiProcessSettings, multiProcessOptions } from './options.js';
import { assertElsewhere } from './poison.js';
import type { ResultPlace } from './returns.js';
import { Threads } from './threads.js';

/** How handlers are run. */
export interface RunOptions {
  /** Given to every thread, as a copy: see {@link ThreadContext.workerData}. */
  readonly workerData?: unknown;
  /**
   * Told what each handler gave, in the order of each partition, before its message is done; what it gives is awaited. A throw is an attempt in vain.
   * What handlers give has to be plain data.
   */
  readonly onResult?: ((value: unknown, place: ResultPlace) => unknown) | undefined;
  /** Ends the run, once what is in hand is done. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads as a {@link KafkaConsumer}, and has handlers work in threads: partitions in parallel, each in order. This thread keeps membership,
 * connections and commits, whatever handlers do; a message counts as done when its handler is done with it. A thread that ends, or hangs, is
 * replaced, and what it had in hand comes again.
 */
export class MultiProcessConsumer<K = Buffer, V = Buffer> extends KafkaConsumer<K, V> {
  readonly #client: KafkaClient;
  readonly #core: ClientCore;
  readonly #settings: MultiProcessSettings;
  readonly #inflater: Inflater;
  #producer: Producer | undefined;
  #running: { readonly fleet: Fleet; readonly ended: Promise<void> } | undefined;

  /** Checks the options and nothing else. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`, `TIDE_CLOSED`. */
  constructor(client: KafkaClient, options: MultiProcessConsumerOptions<K, V> = {}) {
    coreOf(client); // first of all: without it, options come in its place
    const settings = multiProcessOptions(options);
    if (typeof settings.onPoison === 'object') checkTopic(settings.onPoison.topic, 'MultiProcessConsumer: onPoison');
    let isRunning = (): boolean => false;
    const inflater = new Inflater(settings.threadsFor(1), () => isRunning());
    const made = {};
    settingsOf.set(made, { ...settings, inflate: inflater.inflate });
    super(client, made);
    isRunning = () => this.#running !== undefined;
    this.#inflater = inflater;
    this.#client = client;
    this.#core = coreOf(client);
    this.#settings = settings;
  }

  /**
   * Has threads run a handler for every message, until `signal` is aborted or the consumer is closed. The module, ESM or CommonJS, exports a
   * {@link MessageHandler} as its default, or a {@link BatchHandler} as `handleBatch`, and if it likes `setup` and `teardown`, once for each thread.
   * A message whose handler throws is tried again after `retryBackoffMs`, and those behind it in its order wait. A handler that does not end keeps its
   * partition: `maxPollIntervalMs` does not count while threads work, `handlerTimeoutMs` does.
   * @param handlerModule A `file:` URL, as `new URL('./handler.js', import.meta.url)`, or an absolute path.
   * @throws KafkaError `TIDE_HANDLER` when the module cannot be loaded or has no handler, before anything is read; `TIDE_POISON` when a message was
   * given up with `onPoison: 'stop'`, or could not be written elsewhere; `TIDE_THREAD` when threads end by themselves again and again; `TIDE_STATE`
   * when somebody else reads; `TIDE_OPTION` for deserialisers that are functions of this thread, `onDeserializationError`, `iterTimeoutMs`, `emptyRetryLimit`, and an `onPoison` topic that is
   * read here; `TIDE_INPUT`, `TIDE_CLOSED`; what `setup` or `teardown` threw; else as a read. All that was in hand is done or given back then, and what is done is committed
   * where that is automatic.
   */
  async run(handlerModule: URL | string, options: RunOptions = {}): Promise<void> {
    const what = 'run()';
    const { onResult, signal, workerData } = resolve(what, runRules, options);
    const handlerUrl = urlOf(handlerModule, what);
    assertCrosses(workerData, what);
    assertForRun(this.#settings, what);
    const shares = this.openShares(what);
    const before = this.#running?.ended;
    const work = async (): Promise<void> => {
      const { concurrency, ordering, maxDecompressedBytes, threadMemoryMb, marking } = this.#settings;
      const log = this.#core.logFor(this.#settings.logger);
      const given = {
        ...{ handlerUrl, workerData, concurrency, ordering, marking, maxDecompressedBytes },
        leavesNoHoles: this.#settings.producer?.transactionalId !== undefined,
        ...{ wantsResults: onResult !== undefined, wantsLog: log !== undefined },
      };
      await before?.catch(() => {}); // of one that has ended, and whose threads have not
      const threads = await Threads.open(given, threadMemoryMb);
      const fleet = this.#fleetOf(threads, log, onResult);
      this.#running = { fleet, ended };
      let broken: Error | undefined;
      try {
        await this.#work(fleet, shares, signal);
      } finally {
        shares.close();
        broken = await fleet.end();
        await threads.close();
        await this.#commitDone();
      }
      if (broken !== undefined) throw broken;
    };
    const ended = Promise.resolve().then(work);
    try {
      await ended;
    } finally {
      shares.close();
      this.#running = undefined;
    }
  }

  /** What threads do now; undefined while nothing is run. */
  snapshot(): FleetSnapshot | undefined {
    return this.#running?.fleet.snapshot();
  }

  /** A run has ended by then, and with it its threads; or it is awaited by what it waits for. */
  protected override async ended(timeoutMs: number): Promise<void> {
    const run = this.#running?.ended;
    if (run !== undefined) await settledWithin(this.#core.cluster.clock, run, lastMs);
    await this.#producer?.close({ timeoutMs }).catch(error => this.#core.cluster.passing(asKafkaError(error), 0));
    await this.#inflater.close();
  }

  #fleetOf(threads: Threads, log: Log | undefined, onResult: RunOptions['onResult']): Fleet {
    return new Fleet(
      {
        ...{ clock: this.#core.cluster.clock, log, threads },
        send: record => this.#send(record),
        poisoned: detail => this.emit('poisoned', detail),
        replaced: (threadIndex, error) => this.emit('threadReplaced', { threadIndex, error }),
      },
      { ...this.#settings, onResult },
    );
  }

  /** Until `signal` is aborted, or the consumer is closed. */
  async #work(fleet: Fleet, shares: Shares, signal: AbortSignal | undefined): Promise<void> {
    const { producer } = this.#settings;
    try {
      await fleet.begin(shares, signal);
      await shares.prepare(signal);
      for (const { topic } of shares.partitions) assertElsewhere(topic, this.#settings.onPoison);
      if (producer?.transactionalId === undefined) return await fleet.work(shares, { signal });
      shares.close();
      await this.#inTransactions(fleet, producer, signal);
    } catch (error) {
      const isClosed = this.isClosing && error instanceof KafkaError && error.code === 'TIDE_CLOSED';
      if (!isClosed && !(signal?.aborted && error === signal.reason)) throw error;
    }
  }

  /** Works in rounds: what handlers send in one and the offsets of their messages are committed as one, or not at all. */
  async #inTransactions(fleet: Fleet, producer: Producer<never, never>, signal: AbortSignal | undefined): Promise<void> {
    const { transactionMs: roundMs } = this.#settings;
    while (!fleet.isEnding && !signal?.aborted && !this.isClosing) {
      await using context = await OffsetCommitContext.begin(this, { producer });
      const shares = this.openShares('run()', 'anything');
      try {
        await shares.prepare(signal);
        await fleet.work(shares, { signal, roundMs });
      } finally {
        shares.close();
      }
      const isWhole = !fleet.isSpoiled && !fleet.leavesHole;
      let isKept = false;
      try {
        if (isWhole) await context.commit();
        isKept = isWhole;
      } catch (error) {
        if (!mayPass(error)) throw error;
        this.emit('commitFailed', { error: asError(error) });
      }
      await context.rollback();
      if (isKept) fleet.kept();
      else fleet.undone();
    }
  }

  /** What is done is stored now, where that is automatic. */
  async #commitDone(): Promise<void> {
    await this.commitIfAutomatic().catch(error => this.emit('commitFailed', { error: asError(error) }));
  }

  async #send(record: ProducerRecord): Promise<RecordResult> {
    const { producer } = this.#settings;
    if (producer !== undefined) return (producer as Producer).send(record);
    this.#producer ??= new KeyedProducer(this.#client, { partitioner: stickyPartitioner() });
    return this.#producer.send(record);
  }
}

/** The group has gone on without this member, or the cluster was not to be had: what was rolled back comes again, here or elsewhere. */
const mayPass = (error: unknown): boolean =>
  reactionTo(error) !== 'failed' || (error instanceof KafkaError && error.code === 'TIDE_PARTITION_LOST');

/** So long the end of a run is waited for once the consumer is closed: its threads have ended, or are ended, by then. */
const lastMs = 10_000;

const runRules = {
  ...signalRules,
  workerData: optional(custom<unknown, unknown>('anything that can be cloned', undefined, given => given)),
  onResult: optional(
    custom<NonNullable<RunOptions['onResult']>, NonNullable<RunOptions['onResult']>>(
      'a function',
      () => {},
      given => (typeof given === 'function' ? (given as NonNullable<RunOptions['onResult']>) : undefined),
    ),
  ),
};

/** @throws KafkaError `TIDE_INPUT` for what cannot be handed to a thread. */
function assertCrosses(workerData: unknown, what: string): void {
  try {
    structuredClone(workerData);
  } catch (error) {
    const why = asError(error).message;
    throw new InputError(`${what}: expected workerData that can be cloned for each thread: ${why}`, { cause: error });
  }
}

/** @throws KafkaError `TIDE_INPUT` for what names no file. */
function urlOf(given: URL | string, what: string): string {
  if (given instanceof URL) return given.href;
  if (typeof given === 'string' && /^(file|data):/.test(given)) return given;
  if (typeof given === 'string' && isAbsolute(given)) return pathToFileURL(given).href;
  throw new InputError(
    `${what}: expected the handler module as a URL, new URL('./handler.js', import.meta.url), or as an absolute path, got ${show(given)}`,
  );
}
