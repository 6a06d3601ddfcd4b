import type { Topic } from '../topic.js';

/** What a member wants to read: topics by name, and those whose whole name a pattern matches. */
export interface Subscription {
  readonly topics: readonly string[];
  /** Empty for none. */
  readonly pattern: string;
}

/**
 * The pattern of a subscription; undefined when it cannot be read. Kafka's patterns are RE2's; these are JavaScript's, which know nearly
 * the same: back references and look-around, which RE2 refuses, are taken here.
 */
export function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch {
    return undefined;
  }
}

/** The topics there are of those that are wanted. */
export function subscribed({ topics, pattern }: Subscription, all: ReadonlyMap<string, Topic>): Topic[] {
  const matcher = pattern === '' ? undefined : compiled(pattern);
  return [...all.values()].filter(({ name }) => topics.includes(name) || matcher?.test(name));
}

export const sameSubscription = (a: Subscription, b: Subscription): boolean =>
  a.pattern === b.pattern && a.topics.length === b.topics.length && a.topics.every(topic => b.topics.includes(topic));
