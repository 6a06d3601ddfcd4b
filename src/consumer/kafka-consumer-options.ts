import { InputError } from '../base/errors.js';
import { custom, duration, type Given, integer, oneOf, optional, type Resolved, resolve, show, text } from '../base/options.js';
import { type Assignor, assignors } from '../group/index.js';
import { type AutoCommit, autoCommitOf, autoCommitRule } from './auto-commit.js';
import { type DeserializerOptions, deserializerRules } from './deserializers.js';
import type { PartitionsCallback } from './group-callbacks.js';
import type { Inflate } from './prefetched.js';
import { readingRules } from './reading-options.js';
import { type BrokerPattern, type Subscription, subscriptionOf, type TopicPartitionsEntry } from './subscription.js';

const autoCommitDefaults: AutoCommit = { everyN: Number.POSITIVE_INFINITY, everyMs: 5000 };

/** What a consumer can be told to read: topics, a pattern, or partitions in the forms of {@link KafkaConsumer.setTopicPartitions}. */
export type Topics = TopicPartitionsEntry | RegExp | BrokerPattern | readonly (TopicPartitionsEntry | RegExp | BrokerPattern)[];

const assignorNames = [...assignors.keys()].join(', ');

const callback = optional(
  custom<PartitionsCallback, PartitionsCallback>(
    'a function',
    async () => {},
    given => (typeof given === 'function' ? (given as PartitionsCallback) : undefined),
  ),
);

/** What every consumer that may be a member of a group can be told. */
export const groupRules = {
  /**
   * What to read: names of topics, a pattern (`RegExp`, matched here, or `{ re2 }`, matched by the brokers), or partitions, which no group divides.
   * Default: nothing, until `setTopicPartitions`.
   */
  topics: optional(
    custom<Topics, Subscription>('topics, a pattern, or partitions', { kind: 'none' }, given =>
      subscriptionOf(listOf(given as Topics), 'topics'),
    ),
  ),
  /** The group whose members share the partitions, and for which offsets are stored. Kafka: group.id. */
  groupId: optional(text('')),
  /**
   * A name that this member keeps when it is started again: within `sessionTimeoutMs` nothing changes hands then. With `groupProtocol: 'consumer'`
   * one that was not closed is waited for until its session is over, and reads fail with `UNRELEASED_INSTANCE_ID` till then. Kafka: group.instance.id.
   */
  groupInstanceId: optional(text('')),
  /**
   * `'classic'`: members divide the partitions themselves. `'consumer'`: the brokers do (KIP-848, Kafka 4.0 and later). `'auto'`: the brokers, where they
   * can for this group, else the members; the event `rebalance` says which. Kafka: group.protocol.
   */
  groupProtocol: oneOf('classic', ['classic', 'consumer', 'auto']),
  /**
   * Who reads what, by members of the classic protocol: names of Kafka's (`range`, `roundrobin`, `sticky`, `cooperative-sticky`), or your own; the
   * preferred one first. All members of a group need one in common. Of no use where the brokers divide. Default: cooperative-sticky. Kafka: partition.assignment.strategy.
   */
  assignors: optional(
    custom<readonly (string | Assignor)[], readonly Assignor[]>(`a list of ${assignorNames}, or assignors`, [], assignorList),
  ),
  /** A member of which the group hears nothing for so many ms is out. Classic protocol: by the other the brokers say it. Kafka: session.timeout.ms. */
  sessionTimeoutMs: integer(45_000, 1, 2 ** 31 - 1),
  /** How often a member says that it is there, in ms. Classic protocol, as `sessionTimeoutMs`. Kafka: heartbeat.interval.ms. */
  heartbeatMs: integer(3000, 1, 2 ** 31 - 1),
  /**
   * A member whose reader does not ask for more for so many ms commits what is done, if that is automatic, leaves, and joins again when it does. For so
   * long the group waits for its members when it is divided anew. With `marking: 'explicit'` a message that nobody marks for so long is the event
   * `heldBack`. Kafka: max.poll.interval.ms.
   */
  maxPollIntervalMs: integer(300_000, 1, 2 ** 31 - 1),
  /** So many ms what is in hand may take when a partition goes to another member; half of `maxPollIntervalMs` at most. */
  revokeDrainMs: duration(30_000, 0),
  /** Called when partitions are given to this member, before anything of them is read: to seek, for instance. What it gives is awaited. */
  onAssign: callback,
  /** Called when partitions go to other members, after what is done of them was committed. What it gives is awaited. */
  onRevoke: callback,
  /** Called when the group has gone on without this member: nothing can be committed any more for these partitions. */
  onLost: callback,
};
const ownRules = {
  /**
   * When offsets are committed by themselves: `true` every 5000 ms, `{ everyN, everyMs }`, one of them or both; `false` never. Default: true with
   * a `groupId`, else false. Kafka: enable.auto.commit, auto.commit.interval.ms.
   */
  autoCommit: optional(autoCommitRule(autoCommitDefaults)),
  /** A read that waits for so many ms in vain fails with `TIDE_CONSUMER_TIMEOUT`. `null`: never. */
  consumerTimeoutMs: duration(Number.POSITIVE_INFINITY, 0, true),
};
/** What is given is typed by the parts: what is spread has no TSDoc in declarations. */
export const kafkaConsumerRules = { ...groupRules, ...ownRules, ...readingRules, ...deserializerRules };

/** Options of a `KafkaConsumer`. */
export type KafkaConsumerOptions<K = Buffer, V = Buffer> = Given<typeof groupRules> &
  Given<typeof ownRules> &
  Given<typeof readingRules> &
  DeserializerOptions<K, V>;

type GroupOptions = Resolved<typeof groupRules> & { readonly autoCommit: AutoCommit | 'never' | undefined };

/** What members say by the classic protocol, and who decides it by the other. */
const ofBrokers = {
  assignors: 'the brokers divide the partitions, not the members',
  sessionTimeoutMs: 'group.consumer.session.timeout.ms of the brokers counts, or consumer.session.timeout.ms of the group',
  heartbeatMs: 'group.consumer.heartbeat.interval.ms of the brokers counts, or consumer.heartbeat.interval.ms of the group',
};

/** What a consumer that may be a member of a group goes by. */
export type GroupConsumerSettings = ReturnType<typeof kafkaConsumerOptions>;

/** The options, and what depends on two of them. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`. */
export function kafkaConsumerOptions(given: KafkaConsumerOptions<unknown, unknown> | undefined) {
  const owner = 'KafkaConsumer';
  const options = resolve(owner, kafkaConsumerRules, given);
  const { consumerTimeoutMs } = options;
  const waiting = { iterTimeoutMs: consumerTimeoutMs, idle: 'throws' as 'throws' | 'ends', emptyRetryLimit: Number.POSITIVE_INFINITY };
  const inflate = undefined as Inflate | undefined;
  return { ...options, ...groupOptions(owner, options, given, autoCommitDefaults), ...waiting, inflate };
}

/**
 * What depends on two of the options.
 * @param options With defaults, out of `given`.
 * @param byDefault How often is committed where there is a group, and nothing is said of that.
 * @throws KafkaError `TIDE_OPTION`.
 */
export function groupOptions(owner: string, options: GroupOptions, given: object | undefined, byDefault: AutoCommit) {
  const { groupId, groupProtocol, sessionTimeoutMs, heartbeatMs, onAssign, onRevoke, onLost } = options;
  const wrong = (text: string) => new InputError(`${owner}: ${text}`, { code: 'TIDE_OPTION' });
  const autoCommit = autoCommitOf(owner, options, byDefault);
  if (groupId === undefined && options.groupInstanceId !== undefined) throw wrong('groupInstanceId needs a groupId');
  if (groupId === undefined && groupProtocol === 'consumer') throw wrong('groupProtocol needs a groupId');
  const callbacks = { onAssign, onRevoke, onLost };
  for (const [name, each] of Object.entries(callbacks))
    if (groupId === undefined && each !== undefined) throw wrong(`${name} needs a groupId: it tells what a group gives and takes`);
  if (heartbeatMs >= sessionTimeoutMs)
    throw wrong(`heartbeatMs (${heartbeatMs}) must be less than sessionTimeoutMs (${sessionTimeoutMs}); a third of it is usual`);
  for (const [name, instead] of Object.entries(ofBrokers))
    if (groupProtocol === 'consumer' && (given as Readonly<Record<string, unknown>> | undefined)?.[name] !== undefined)
      throw wrong(`no ${name} with groupProtocol "consumer": ${instead}`);
  checkPattern(options.topics, options, owner);
  return {
    assignors: options.assignors ?? assignorList(['cooperative-sticky'], 'assignors') ?? [],
    callbacks,
    autoCommit,
  };
}

/** @throws KafkaError `TIDE_OPTION` for a pattern of the brokers where they are not to divide the partitions. */
export function checkPattern(
  subscription: Subscription | undefined,
  { groupId, groupProtocol }: { readonly groupId: string | undefined; readonly groupProtocol: string },
  owner: string,
): void {
  const isTheirs = subscription?.kind === 'pattern' && 're2' in subscription.pattern;
  if (!isTheirs || (groupId !== undefined && groupProtocol !== 'classic')) return;
  throw new InputError(
    `${owner}: { re2 } is matched by the brokers, which needs a groupId and groupProtocol "consumer" or "auto"; or give a RegExp`,
    {
      code: 'TIDE_OPTION',
    },
  );
}

/** One entry, or several. A tuple is one: its second part is a number. */
export function listOf(given: Topics): readonly (TopicPartitionsEntry | RegExp | BrokerPattern)[] {
  const isList = Array.isArray(given) && typeof given[1] !== 'number';
  return isList ? (given as readonly TopicPartitionsEntry[]) : [given as TopicPartitionsEntry];
}

function assignorList(given: unknown, path: string): readonly Assignor[] | undefined {
  if (!Array.isArray(given) || given.length === 0) return undefined;
  const found: Assignor[] = [];
  for (const [i, each] of given.entries()) {
    const assignor = typeof each === 'string' ? assignors.get(each) : isAssignor(each) ? each : undefined;
    const wrong = (text: string) => new InputError(`${path}[${i}]: ${text}`, { code: 'TIDE_OPTION' });
    if (assignor === undefined) throw wrong(`expected one of ${assignorNames}, or { name, protocol, assign }, got ${show(each)}`);
    if (found.some(({ name }) => name === assignor.name)) throw wrong(`${assignor.name} is there twice`);
    found.push(assignor);
  }
  return found;
}

const isAssignor = (given: unknown): given is Assignor =>
  typeof given === 'object' &&
  given !== null &&
  typeof (given as Partial<Assignor>).name === 'string' &&
  ['eager', 'cooperative'].includes((given as Partial<Assignor>).protocol ?? '') &&
  typeof (given as Partial<Assignor>).assign === 'function';
