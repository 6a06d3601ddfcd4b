import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { type KafkaError, UnsupportedError } from '../base/errors.js';
import type { ClientCore } from '../client/client.js';
import type { Purpose } from '../cluster/links.js';
import { ConsumerGroupHeartbeat, type RequestIn, type ResponseOf } from '../protocol/index.js';

/** The epochs of who is no member: it wants to be one, or wants to be none any more, or not until it comes again by its `group.instance.id`. */
export const joining = 0;
const leaving = -1;
const leavingForAWhile = -2;
/** Longest wait for the answer to a heartbeat beyond the time between two. */
const answerMarginMs = 5000;

/** What a heartbeat says beyond that the member is there. */
export type Said = Partial<RequestIn<typeof ConsumerGroupHeartbeat>>;
export type Answer = ResponseOf<typeof ConsumerGroupHeartbeat>;

/** Whose member it is, and by which name of its own. */
export interface MemberOf {
  readonly groupId: string;
  readonly groupInstanceId: string | undefined;
}

interface Limits {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What a member of the new protocol asks of its group's coordinator, on a connection of its own. */
export class ConsumerRequests {
  readonly #core: ClientCore;
  readonly #group: MemberOf;
  readonly #memberId: string;
  readonly #purpose: Purpose;

  constructor(core: ClientCore, group: MemberOf, memberId: string) {
    this.#core = core;
    this.#group = group;
    this.#memberId = memberId;
    this.#purpose = core.cluster.ownPurpose();
  }

  /** One heartbeat in this epoch, once. @throws KafkaError what the coordinator says. */
  heartbeat(memberEpoch: number, said: Said, signal: AbortSignal): Promise<Answer> {
    return this.#send(memberEpoch, said, { signal }, 1);
  }

  /** Leaves, a static member for a while. @throws KafkaError what the coordinator says. */
  async leave(limits: Limits, attempts: number): Promise<void> {
    const epoch = this.#group.groupInstanceId === undefined ? leaving : leavingForAWhile;
    await this.#send(epoch, {}, limits, attempts);
  }

  /** Closes its connection; the next request opens another. */
  close(): void {
    this.#core.cluster.release(this.#purpose);
  }

  #send(memberEpoch: number, said: Said, limits: Limits, attempts: number): Promise<Answer> {
    const { groupId, groupInstanceId: instanceId = null } = this.#group;
    const { retry } = this.#core.cluster.settings;
    return this.#core.coordinators.request(
      'group',
      groupId,
      ConsumerGroupHeartbeat,
      { groupId, memberId: this.#memberId, memberEpoch, instanceId, ...said },
      answer => {
        const { errorCode, errorMessage: message } = answer;
        if (errorCode === 0) return answer;
        throw brokerError(errorCode, `heartbeat of group ${JSON.stringify(groupId)}`, {
          message: message ?? undefined,
          context: { groupId },
        });
      },
      { timeoutMs: answerMarginMs, ...limits, purpose: this.#purpose, policy: { ...retry, attempts } },
    );
  }
}

/** What a broker needs for groups of this kind. */
export function explained(error: KafkaError): KafkaError {
  const isOff = error.errno === errorNumbers.UNSUPPORTED_VERSION;
  if (error.code !== 'TIDE_UNSUPPORTED' && !isOff) return error;
  const needs = isOff
    ? 'the brokers have it switched off (group.coordinator.rebalance.protocols)'
    : 'that needs brokers of Kafka 4.0 or later';
  return new UnsupportedError(`groupProtocol 'consumer': ${needs}; 'classic' works with all of them`, {
    cause: error,
    context: { needs: isOff ? 'group.coordinator.rebalance.protocols' : 'Kafka 4.0', kip: 'KIP-848' },
  });
}
