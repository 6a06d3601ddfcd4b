import { BrokerError, InputError, KafkaError, PartialError } from '../base/errors.js';
import { checkNames, custom, flag, resolve, show, signalRules } from '../base/options.js';
import { withPersistence } from '../base/persistence.js';
import type { ForPartition, Outcome } from '../cluster/scatter.js';
import type { ClientCore } from './client.js';
import { checkFetch, type Fetched, type FetchOptions, type FetchRequest, fetchAll, fetchRules } from './fetch.js';
import { checkCommit, checkGroupId, checkList, checkOnce, checkPlace, checkTime } from './inputs.js';
import { type FoundOffset, findOffsets, type OffsetQuestion } from './list-offsets.js';
import { type OffsetQueryOptions, queryRules } from './offset-queries.js';
import { type CommitResult, type GroupOffset, OffsetStore } from './offset-store.js';
import { valuesOf } from './outcome.js';
import { checkLevel, type Produced, type ProduceOptions, type ProduceRequest, produceAll, produceRules } from './produce.js';

/** What becomes of the results of a list. */
export interface ListOptions<Result, Mapped> {
  /** Makes of each result what is given in its place. */
  readonly map?: ((result: Result) => Mapped) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** As an error when one of them fails. */
export interface AllOrError {
  /** Whether a failure is thrown, which is the default, or one of the outcomes. */
  readonly failOnError?: true | undefined;
}

/** An outcome for each. */
export interface EachOutcome {
  readonly failOnError: false;
}

/** A method of {@link RequestLists}: results in the order of the payloads, or with `failOnError: false` outcomes. */
export interface ListMethod<Payload, Result, Options> {
  <Mapped = Result>(payloads: readonly Payload[], options?: Options & ListOptions<Result, Mapped> & AllOrError): Promise<readonly Mapped[]>;
  <Mapped = Result>(
    payloads: readonly Payload[],
    options: Options & ListOptions<Result, Mapped> & EachOutcome,
  ): Promise<readonly Outcome<Mapped>[]>;
}

/** The same for what one group has stored. */
export interface GroupListMethod<Payload, Result> {
  <Mapped = Result>(
    groupId: string,
    payloads: readonly Payload[],
    options?: ListOptions<Result, Mapped> & AllOrError,
  ): Promise<readonly Mapped[]>;
  <Mapped = Result>(
    groupId: string,
    payloads: readonly Payload[],
    options: ListOptions<Result, Mapped> & EachOutcome,
  ): Promise<readonly Outcome<Mapped>[]>;
}

/**
 * Requests for many partitions at once: each leader gets its part of the list, all of them at the same time, and the results come in the order
 * of the payloads. What fails because a leader has moved is sent to the next one. When one fails a `PartialError` is thrown whose code is that
 * of the first failure and whose `results` are all the outcomes; with `failOnError: false` the outcomes are given instead. What is wrong with a
 * payload or an option is thrown before anything is sent.
 */
export interface RequestLists {
  /** Stores messages: each payload is one batch, stored as a whole or not at all. Those for one partition go one after the other. */
  readonly produce: ListMethod<ProduceRequest, Produced, ProduceOptions>;
  /**
   * Reads messages, as `client.fetch`. A broker fills its answer in the order of the payloads, so where much is waiting the last of them may
   * come back empty.
   */
  readonly fetch: ListMethod<FetchRequest, Fetched, FetchOptions>;
  /** Looks for points in logs: an offset with, for a time, the timestamp found there; undefined where no message is so young. */
  readonly listOffsets: ListMethod<OffsetQuestion, FoundOffset | undefined, Pick<OffsetQueryOptions, 'isolation'>>;
  /** Stores offsets of a group, in one request. No partition may be there twice. */
  readonly commit: GroupListMethod<GroupOffset, GroupOffset>;
  /** Reads what a group has stored; undefined where there is nothing. */
  readonly fetchOffsets: GroupListMethod<ForPartition, GroupOffset | undefined>;
}

/** The request lists of one client. */
export function requestLists(core: ClientCore): RequestLists {
  const store = new OffsetStore(core);
  const lists = {
    async produce(payloads: readonly ProduceRequest[], given: Any<ProduceOptions> = {}) {
      const { signal, options, end } = opened(payloads, 'send.produce', given);
      const settings = resolve('send.produce', produceRules, options);
      checkLevel('send.produce', settings);
      return end(await produceAll(core, payloads, 'send.produce', settings, { signal }));
    },
    async fetch(payloads: readonly FetchRequest[], given: Any<FetchOptions> = {}) {
      const { signal, options, end } = opened(payloads, 'send.fetch', given);
      const settings = resolve('send.fetch', fetchRules, options);
      for (const [i, payload] of payloads.entries()) checkFetch(payload, `send.fetch[${i}]`);
      return end(await fetchAll(core, payloads, settings, { signal }));
    },
    async listOffsets(payloads: readonly OffsetQuestion[], given: Any<Pick<OffsetQueryOptions, 'isolation'>> = {}) {
      const { signal, options, end } = opened(payloads, 'send.listOffsets', given);
      const { isolation } = resolve('send.listOffsets', queryRules, options);
      for (const [i, payload] of payloads.entries()) checkQuestion(payload, `send.listOffsets[${i}]`);
      return end(await findOffsets(core, payloads, isolation, { signal }));
    },
    async commit(groupId: string, payloads: readonly GroupOffset[], given: Any<object> = {}) {
      checkGroupId(groupId, 'send.commit');
      const { signal, options, end } = opened(payloads, 'send.commit', given);
      checkNames('send.commit', [], options);
      for (const [i, payload] of payloads.entries()) checkCommit(payload, `send.commit[${i}]`);
      checkOnce(payloads, 'send.commit');
      return end(await committed(store, groupId, payloads, signal));
    },
    async fetchOffsets(groupId: string, payloads: readonly ForPartition[], given: Any<object> = {}) {
      checkGroupId(groupId, 'send.fetchOffsets');
      const { signal, options, end } = opened(payloads, 'send.fetchOffsets', given);
      checkNames('send.fetchOffsets', [], options);
      for (const [i, payload] of payloads.entries()) checkPlace(payload, `send.fetchOffsets[${i}]`);
      return end(await stored(store, groupId, payloads, signal));
    },
  };
  return Object.freeze(lists as RequestLists);
}

/** Options of a list, whichever way it is to end. */
type Any<Options> = Options & ListOptions<unknown, unknown> & { readonly failOnError?: boolean | undefined };

type Mapper = (result: unknown) => unknown;
const mapperFrom = (value: unknown) => (typeof value === 'function' ? (value as Mapper) : undefined);
const listRules = { ...signalRules, map: custom<Mapper, Mapper | undefined>('a function', undefined, mapperFrom), failOnError: flag(true) };

/** The options that are the method's own, and what makes of the outcomes what the caller asked for. */
function opened<Options extends object>(payloads: readonly object[], what: string, given: Any<Options>) {
  checkList(payloads, what);
  checkNames(what, Object.keys(given ?? {}), given);
  const { map: mapper, signal: stop, failOnError: throws, ...options } = given;
  const { map, signal, failOnError } = resolve(what, listRules, { map: mapper, signal: stop, failOnError: throws });
  const end = (outcomes: readonly Outcome<unknown>[]) => {
    if (failOnError) {
      const values = valuesOf(outcomes);
      return map === undefined ? values : values.map(value => map(value));
    }
    return map === undefined ? outcomes : outcomes.map(outcome => (outcome.ok ? { ok: true, value: map(outcome.value) } : outcome));
  };
  return { signal, options, end };
}

function checkQuestion(payload: OffsetQuestion, what: string): void {
  checkPlace(payload, what);
  const at: unknown = payload.at;
  if (at === 'earliest' || at === 'latest') return;
  if (typeof at !== 'object' || at === null)
    throw new InputError(`${what}: "at" must be 'earliest', 'latest' or { timestampMs }, got ${show(at)}`);
  checkTime((at as { timestampMs?: unknown }).timestampMs, what);
}

async function committed(
  store: OffsetStore,
  groupId: string,
  payloads: readonly GroupOffset[],
  signal: AbortSignal | undefined,
): Promise<readonly Outcome<GroupOffset>[]> {
  if (payloads.length === 0) return [];
  try {
    await store.commit(groupId, payloads, { signal });
    return payloads.map(value => ({ ok: true, value }));
  } catch (error) {
    const failed = failure(error);
    const results = failed instanceof PartialError ? (failed.results as readonly CommitResult[]) : [];
    return payloads.map((value, i) => {
      const refused = results[i] === undefined ? failed : results[i].error;
      if (refused === undefined) return { ok: true, value };
      return { ok: false, error: failed.persistence === 'maybe' ? withPersistence(refused, 'maybe') : refused };
    });
  }
}

/** All by one request; where that fails for some, one for each, to know which. */
async function stored(
  store: OffsetStore,
  groupId: string,
  payloads: readonly ForPartition[],
  signal: AbortSignal | undefined,
): Promise<readonly Outcome<GroupOffset | undefined>[]> {
  try {
    return (await store.fetch(groupId, payloads, { signal })).map(value => ({ ok: true, value }));
  } catch (error) {
    if (payloads.length === 1) return [{ ok: false, error: failure(error) }];
    if (!(error instanceof BrokerError)) return payloads.map(() => ({ ok: false, error: failure(error) }));
    return (await Promise.all(payloads.map(payload => stored(store, groupId, [payload], signal)))).flat();
  }
}

/** @throws whatever is no error of ours, as a signal's reason, and that the client is closed. */
function failure(thrown: unknown): KafkaError {
  if (!(thrown instanceof KafkaError) || thrown.code === 'TIDE_CLOSED') throw thrown;
  return thrown;
}
