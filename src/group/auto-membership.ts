import type { KafkaError } from '../base/errors.js';
import { isRefusal, type Reaction } from './group-errors.js';
import type { MemberStanding, Membership, MembershipEvents } from './membership.js';

export interface AutoMembershipSettings {
  /** A member by the brokers' protocol (KIP-848). */
  readonly consumer: (events: MembershipEvents) => Membership;
  /** A member by the classic one, made where the first is refused: `why` says by what. */
  readonly classic: (events: MembershipEvents, why: KafkaError) => Membership;
  /** The error that remains where only the brokers' protocol will do; undefined where the classic one does too. */
  readonly needsConsumer: (why: KafkaError) => KafkaError | undefined;
}

/**
 * A member of a group by the brokers' protocol where they have it for this group, else by the classic one, which it stays with then. Which one,
 * the coordinator's answer to the first heartbeat says.
 */
export class AutoMembership implements Membership {
  readonly #settings: AutoMembershipSettings;
  readonly #events: MembershipEvents;
  #now: Membership;
  /** The group has taken it since it was started. */
  #isTaken = false;
  /** Ending the membership that was refused. */
  #ending: Promise<void> = Promise.resolve();

  constructor(settings: AutoMembershipSettings, events: MembershipEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#now = settings.consumer({
      assigned: partitions => {
        this.#isTaken = true;
        return events.assigned(partitions);
      },
      revoked: partitions => events.revoked(partitions),
      lost: (partitions, why) => events.lost(partitions, why),
      leaving: partitions => events.leaving(partitions),
      settled: rebalance => {
        this.#isTaken = true;
        events.settled(rebalance);
      },
      delayed: error => events.delayed(error),
      failed: error => this.#failed(error),
    });
  }

  get standing(): MemberStanding | undefined {
    return this.#now.standing;
  }

  start(): void {
    this.#isTaken = false;
    this.#now.start();
  }

  steady(signal: AbortSignal | undefined): Promise<void> {
    return this.#now.steady(signal);
  }

  refused(error: KafkaError, as: MemberStanding): Reaction {
    return this.#now.refused(error, as);
  }

  resubscribe(): void {
    this.#now.resubscribe();
  }

  leave(why: KafkaError): Promise<void> {
    return this.#now.leave(why);
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.all([this.#ending, this.#now.close(timeoutMs)]);
  }

  #failed(error: KafkaError): void {
    if (this.#isTaken || !isRefusal(error)) return this.#events.failed(error);
    const remains = this.#settings.needsConsumer(error);
    if (remains !== undefined) return this.#events.failed(remains);
    this.#ending = this.#now.close(0);
    this.#now = this.#settings.classic(this.#events, error);
    this.#now.start();
  }
}
