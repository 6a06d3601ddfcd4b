import { type BrokerErrorName, errorNumbers } from '../base/broker-errors.js';
import { type Clock, sleep } from '../base/clock.js';
import { InputError } from '../base/errors.js';
import { deferred } from '../base/wait.js';
import { type Api, Fetch, type ResponseInput } from '../protocol/index.js';
import { type Matching, matchesPart, matchesTarget, mayMatch, type Target, type TopicNames, targetsOf } from './match.js';
import type { SeenRequest } from './request-log.js';

/** Gives the body of an answer; `next` gives the one the broker would have sent. Undefined: no answer at all. */
export type Answering<A extends Api> = (
  request: SeenRequest<A>,
  next: () => Promise<ResponseInput<A> | undefined>,
) => ResponseInput<A> | undefined | Promise<ResponseInput<A> | undefined>;

/** Where the correlation id of an answer ends. */
const CORRELATION_ID_END = 8;

/** Gives the bytes to send for a whole frame, its four bytes of length included. */
export type Rewriting = (frame: Buffer) => Uint8Array;

/** Answers that are held back. */
export interface Hold<A extends Api = Api> {
  /** Resolves with the first request that was handled and whose answer now waits. */
  readonly held: Promise<SeenRequest<A>>;
  /** Lets the answers go, and holds back no more. */
  release(): void;
}

/** Settles when the answer may go; `closed` is aborted when the connection is. */
type Waiting = (request: SeenRequest, closed: AbortSignal) => Promise<void>;

type Fault =
  | { readonly kind: 'fail'; readonly error: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'dropAnswer' }
  | { readonly kind: 'wait'; readonly until: Waiting; readonly atByte: number }
  | { readonly kind: 'answer'; readonly answer: Answering<Api> }
  | { readonly kind: 'damage' }
  | { readonly kind: 'rewrite'; readonly rewrite: Rewriting };
type Kind = Fault['kind'];

interface Rule {
  readonly api: Api;
  readonly match: Matching<Api>;
  readonly fault: Fault;
  /** How many requests it still is for. */
  left: number;
}

/** What a request is in for. */
export interface Fate {
  /** Closes the connection instead of handling the request. */
  readonly drop: boolean;
  /** Closes the connection instead of answering. */
  readonly dropAnswer: boolean;
  readonly wait: Waiting | undefined;
  /** How many bytes of the answer go before the wait. */
  readonly waitAtByte: number;
  readonly answer: Answering<Api> | undefined;
  readonly rewrite: Rewriting | undefined;
  /** The number of the error a part of the request is refused with; 0 for none. */
  refusal(target: Target): number;
  /** Whether the records of this part of the answer are damaged. Asked for parts that have records. */
  damages(target: Target): boolean;
}

const NO_FATE: Fate = {
  drop: false,
  dropAnswer: false,
  wait: undefined,
  waitAtByte: 0,
  answer: undefined,
  rewrite: undefined,
  refusal: () => 0,
  damages: () => false,
};

/**
 * What goes wrong on command. A fault is for requests that arrive after it was set, for as many as it says. Of those that decide what becomes
 * of a request (to fail, to be dropped, to be answered otherwise) the oldest goes first and alone; a delay, a rewrite or damaged records come on top.
 */
export class Faults {
  readonly #clock: Clock;
  readonly #nameOf: TopicNames;
  #rules: Rule[] = [];
  readonly #holds = new Set<() => void>();

  constructor(clock: Clock, nameOf: TopicNames) {
    this.#clock = clock;
    this.#nameOf = nameOf;
  }

  on<A extends Api>(api: A, match: Matching<A>): FaultsOn<A> {
    const add = (fault: Fault, times: number): Rule => {
      if (!(times === Number.POSITIVE_INFINITY || (Number.isSafeInteger(times) && times > 0))) {
        throw new InputError(`a fault of ${api.name} must happen 1 time or more, got ${times}`);
      }
      const rule = { api, match: match as Matching<Api>, fault, left: times };
      this.#rules.push(rule);
      return rule;
    };
    return new FaultsOn<A>(api, add, this.#clock, this.#holds);
  }

  /** What a request that has just arrived is in for. */
  meet(request: SeenRequest): Fate {
    if (this.#rules.length === 0) return NO_FATE;
    this.#rules = this.#rules.filter(rule => rule.left > 0);
    const rules = this.#rules.filter(({ api, match }) => api.key === request.api.key && mayMatch(match, request));
    if (rules.length === 0) return NO_FATE;
    const take = (kinds: readonly Kind[]): Fault | undefined => {
      const rule = rules.find(({ fault, match }) => kinds.includes(fault.kind) && matchesPart(match, request, this.#nameOf));
      if (rule !== undefined && rule.fault.kind !== 'fail') rule.left--;
      return rule?.fault;
    };
    const outcome = take(['fail', 'drop', 'dropAnswer', 'answer']);
    const fails = outcome === undefined || outcome.kind === 'fail';
    const used = new Set<Rule>();
    const wait = take(['wait']);
    const rewrite = take(['rewrite']);
    return {
      drop: outcome?.kind === 'drop',
      dropAnswer: outcome?.kind === 'dropAnswer',
      answer: outcome?.kind === 'answer' ? outcome.answer : undefined,
      refusal: fails ? this.#refusing(rules, request, used) : NO_FATE.refusal,
      wait: wait?.kind === 'wait' ? wait.until : undefined,
      waitAtByte: wait?.kind === 'wait' ? wait.atByte : 0,
      damages: target => taken(rules, 'damage', target, used) !== undefined,
      rewrite: rewrite?.kind === 'rewrite' ? rewrite.rewrite : undefined,
    };
  }

  /**
   * A request uses up one time of a rule, however many of its parts the rule refuses. Rules for parts that the request names are used up when
   * it arrives, so that the next request does not count on them; those for parts that only the answer shows, when that is made.
   */
  #refusing(rules: readonly Rule[], request: SeenRequest, used: Set<Rule>): Fate['refusal'] {
    const refusal = (target: Target): number => {
      const fault = taken(rules, 'fail', target, used);
      return fault?.kind === 'fail' ? fault.error : 0;
    };
    for (const target of targetsOf(request.body, {}, this.#nameOf)) refusal(target);
    for (const target of request.about) refusal(target);
    return refusal;
  }

  /** Takes every fault back and lets go what is held. */
  clear(): void {
    this.#rules = [];
    for (const release of [...this.#holds]) release();
  }
}

/** The first rule of a kind that is for this part of a request. `used` are those that the request has used up one time of already. */
function taken(rules: readonly Rule[], kind: Kind, target: Target, used: Set<Rule>): Fault | undefined {
  for (const rule of rules) {
    if (rule.fault.kind !== kind || !matchesTarget(rule.match, target) || !(used.has(rule) || rule.left > 0)) continue;
    if (!used.has(rule)) rule.left--;
    used.add(rule);
    return rule.fault;
  }
  return undefined;
}

/** Sets what goes wrong with the requests of one API. Made by `cluster.on(api, match)`; every method returns it again, but `hold`. */
export class FaultsOn<A extends Api> {
  readonly #api: A;
  readonly #add: (fault: Fault, times: number) => { left: number };
  readonly #clock: Clock;
  readonly #holds: Set<() => void>;

  constructor(api: A, add: (fault: Fault, times: number) => { left: number }, clock: Clock, holds: Set<() => void>) {
    this.#api = api;
    this.#add = add;
    this.#clock = clock;
    this.#holds = holds;
  }

  /** The next request is refused with that error, or the parts of it that match; nothing of them is applied. */
  failOnce(error: BrokerErrorName): this {
    return this.failTimes(1, error);
  }

  /** As {@link failOnce}, for the next `times` requests. */
  failTimes(times: number, error: BrokerErrorName): this {
    if (!Object.hasOwn(errorNumbers, error)) throw new InputError(`Kafka has no error ${JSON.stringify(error)}`);
    this.#add({ kind: 'fail', error: errorNumbers[error] }, times);
    return this;
  }

  /**
   * The request is applied, its answer comes `ms` later. Answers behind it on the connection wait too.
   * @param options.atByte So many bytes of the answer, its length included, come before the delay. Default 0.
   */
  delay(ms: number, times = 1, { atByte = 0 }: { readonly atByte?: number | undefined } = {}): this {
    if (!(Number.isSafeInteger(atByte) && atByte >= 0)) throw new InputError(`delay: atByte is a number of bytes from 0, got ${atByte}`);
    this.#add({ kind: 'wait', until: (_, closed) => sleep(this.#clock, ms, closed).catch(() => {}), atByte }, times);
    return this;
  }

  /** The connection is closed instead of answering; the request is not applied. */
  drop(times = 1): this {
    this.#add({ kind: 'drop' }, times);
    return this;
  }

  /**
   * The connection is closed instead of answering, but the request was applied: what a client must call `'maybe'`. The batches of a Produce
   * request are appended then.
   */
  dropAnswer(times = 1): this {
    this.#add({ kind: 'dropAnswer' }, times);
    return this;
  }

  /** The request is applied and never answered, nor is any that follows on the connection. */
  silent(times = 1): this {
    this.#add({ kind: 'wait', until: () => new Promise(() => {}), atByte: 0 }, times);
    return this;
  }

  /** Answers with what `answer` gives. What it throws surfaces as an uncaught exception, so that a failed assertion is not lost. */
  answer(answer: Answering<A>, times = 1): this {
    this.#add({ kind: 'answer', answer: answer as Answering<Api> }, times);
    return this;
  }

  /** Requests are applied from now on, but their answers wait until they are released. */
  hold(): Hold<A> {
    const released = deferred();
    const held = deferred<SeenRequest<A>>();
    const until = (request: SeenRequest): Promise<void> => {
      held.resolve(request as SeenRequest<A>); // the rule is for this api only
      return released.promise;
    };
    const rule = this.#add({ kind: 'wait', until, atByte: 0 }, Number.POSITIVE_INFINITY);
    const release = (): void => {
      rule.left = 0;
      this.#holds.delete(release);
      released.resolve();
    };
    this.#holds.add(release);
    return { held: held.promise, release };
  }

  /** Sends other bytes than those of the answer: cut off, twice, garbled. The frame given may be changed. */
  rewrite(rewrite: Rewriting, times = 1): this {
    this.#add({ kind: 'rewrite', rewrite }, times);
    return this;
  }

  /** The answer carries the correlation id of no request. */
  corruptCorrelationId(times = 1): this {
    return this.rewrite(frame => {
      frame.writeInt32BE(frame.readInt32BE(4) ^ 0x40000000, 4);
      return frame;
    }, times);
  }

  /** Every byte of the answer behind its correlation id is inverted: it has the right length, and nothing in it can be read. */
  garble(times = 1): this {
    return this.rewrite(frame => {
      for (let i = CORRELATION_ID_END; i < frame.length; i++) frame.writeUInt8(frame.readUInt8(i) ^ 0xff, i);
      return frame;
    }, times);
  }

  /**
   * The first batch that a Fetch answer has for a matching partition comes with a checksum that is wrong; what is stored stays as it is.
   * An answer without records there does not count.
   * @throws InputError for another API.
   */
  wrongCrc(times = 1): this {
    if (this.#api.key !== Fetch.key) throw new InputError(`wrongCrc: ${this.#api.name} brings no records, only Fetch does`);
    this.#add({ kind: 'damage' }, times);
    return this;
  }
}
