import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import type { ForPartition } from '../../src/cluster/scatter.js';
import type { Membership, MembershipEvents, Rebalance } from '../../src/group/index.js';
import type { KafkaHandle } from '../kafka/kafka.js';

/** A member whose events are written down. */
export class Watched {
  readonly membership: Membership;
  readonly owned = new Set<string>();
  readonly said: string[] = [];
  readonly rebalances: Rebalance[] = [];
  #busy = false;

  constructor(make: (events: MembershipEvents) => Membership) {
    const event = async (what: string, partitions: readonly ForPartition[], work: (place: string) => void) => {
      assert.equal(this.#busy, false, 'one at a time');
      this.#busy = true;
      this.said.push(`${what} ${partitions.length}`);
      await new Promise(setImmediate);
      for (const { topic, partition } of partitions) work(`${topic}/${partition}`);
      this.#busy = false;
    };
    const take = (place: string) => {
      assert.ok(!this.owned.has(place), place);
      this.owned.add(place);
    };
    const give = (place: string) => assert.ok(this.owned.delete(place), place);
    this.membership = make({
      assigned: partitions => event('assigned', partitions, take),
      revoked: partitions => event('revoked', partitions, give),
      leaving: async () => {},
      lost: partitions => event('lost', partitions, give),
      delayed: () => {},
      failed: error => void this.said.push(error.code),
      settled: rebalance => void this.rebalances.push(rebalance),
    });
  }
}

/** Waits for what nobody tells of. @throws AssertionError after a minute. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await holds())) {
    assert.ok(performance.now() < end, what);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

export function clientOf(t: TestContext, kafka: KafkaHandle): KafkaClient {
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  t.after(() => client.close());
  return client;
}

/** Whether every one of `count` partitions is with exactly one of the members. */
export function isDivided(members: readonly Watched[], count: number): boolean {
  const all = members.flatMap(({ owned }) => [...owned]);
  return all.length === count && new Set(all).size === count;
}
