import type { Api } from '../protocol/index.js';
import type { SeenRequest } from './request-log.js';

/** What a part of a request is about. */
export interface Target {
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  /** A group or a transactional id. */
  readonly group?: string | undefined;
}

/** Which requests, or which parts of them, are meant. What is not given does not matter. */
export interface Match extends Target {
  /** The id of the broker that receives it. */
  readonly broker?: number | undefined;
  readonly clientId?: string | undefined;
}

/** A {@link Match}, or a function that says yes or no to a whole request. */
export type Matching<A extends Api> = Match | ((request: SeenRequest<A>) => boolean);

/** Whether `match` may mean some part of the request: what is in it is not looked at yet. */
export function mayMatch<A extends Api>(match: Matching<A>, request: SeenRequest<A>): boolean {
  if (typeof match === 'function') return match(request);
  const { broker = request.broker, clientId = request.clientId } = match;
  return broker === request.broker && clientId === request.clientId;
}

/** Whether `match` means this part of a request for which {@link mayMatch} said yes. */
export function matchesTarget<A extends Api>(match: Matching<A>, target: Target): boolean {
  if (typeof match === 'function') return true;
  const { topic = target.topic, partition = target.partition, group = target.group } = match;
  return topic === target.topic && partition === target.partition && group === target.group;
}

/** The name of the topic with an id; undefined when there is none. */
export type TopicNames = (id: string) => string | undefined;

/** Whether `match` means the request, or some part of it. */
export function matches<A extends Api>(match: Matching<A>, request: SeenRequest<A>, nameOf: TopicNames): boolean {
  return mayMatch(match, request) && matchesPart(match, request, nameOf);
}

/** Whether `match` means some part of a request for which {@link mayMatch} said yes: a function is not asked again. */
export function matchesPart<A extends Api>(match: Matching<A>, request: SeenRequest<A>, nameOf: TopicNames): boolean {
  if (typeof match === 'function') return true;
  const { topic, partition, group } = match;
  if (topic === undefined && partition === undefined && group === undefined) return true;
  for (const target of targetsOf(request.body, {}, nameOf)) {
    if (matchesTarget({ topic, partition, group }, target)) return true;
  }
  return request.about.some(target => matchesTarget({ topic, partition, group }, target));
}

const TOPIC_FIELDS = ['topic', 'name', 'topicName', 'resourceName'];
const PARTITION_FIELDS = ['partition', 'partitionIndex', 'index'];
const GROUP_FIELDS = ['groupId', 'transactionalId', 'key'];
/** Lists of plain values, by what they name. */
const LISTS: ReadonlyMap<string, keyof Target> = new Map([
  ['topicNames', 'topic'],
  ['partitionIndexes', 'partition'],
  ['partitions', 'partition'],
  ['groups', 'group'],
  ['groupIds', 'group'],
  ['groupsNames', 'group'],
  ['coordinatorKeys', 'group'],
]);
/** Lists that are about something else, though their fields have such names. */
const OTHER_LISTS = ['configs', 'forgottenTopicsData', 'protocols', 'assignments'];

/**
 * What the smallest parts of a request are about, found by the names that Kafka's messages give to such fields. A part inherits from what it
 * lies in: a partition has its topic, and its group.
 */
export function* targetsOf(node: unknown, outer: Target, nameOf: TopicNames): Generator<Target> {
  if (typeof node !== 'object' || node === null) return;
  const fields = new Map<string, unknown>(Object.entries(node));
  const inner: Target = {
    topic: first(fields, TOPIC_FIELDS, isText) ?? nameOf(first(fields, ['topicId'], isText) ?? '') ?? outer.topic,
    partition: first(fields, PARTITION_FIELDS, isNumber) ?? outer.partition,
    group: first(fields, GROUP_FIELDS, isText) ?? outer.group,
  };
  let parts = 0;
  for (const [name, value] of fields) {
    if (!Array.isArray(value) || OTHER_LISTS.includes(name)) continue;
    const kind = LISTS.get(name);
    for (const each of value) {
      if (typeof each === 'object') yield* targetsOf(each, inner, nameOf);
      else if (kind !== undefined) yield { ...inner, [kind]: each };
      parts++;
    }
  }
  if (parts === 0) yield inner;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isNumber = (value: unknown): value is number => typeof value === 'number';

function first<T>(fields: ReadonlyMap<string, unknown>, names: readonly string[], is: (value: unknown) => value is T): T | undefined {
  for (const name of names) {
    const value = fields.get(name);
    if (is(value)) return value;
  }
  return undefined;
}
