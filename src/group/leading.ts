import { asError, type KafkaError, ProtocolError } from '../base/errors.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { Assignor } from './assignors/assignor.js';
import { assigned } from './assignors/checked.js';
import type { ClassicRequests, Joined } from './classic-requests.js';
import { decodeAssignment, decodeSubscription, encodeAssignment, type MemberSubscription } from './consumer-protocol.js';
import { without } from './membership.js';
import type { SubscribedTopics } from './subscribed-topics.js';

/** What a leader has divided, and has to look after. */
export interface Division {
  /** The topics of all members, also such as are not there yet, and what there was of them. Undefined for who does not lead. */
  readonly wanted: { readonly topics: readonly string[]; readonly counts: ReadonlyMap<string, number> } | undefined;
  /** Something is kept back until a member that holds it has given it up, and has joined once more. */
  readonly isHalf: boolean;
}

/** What the leader of a group does: it says who reads what. */
export class Leading {
  readonly #assignors: readonly Assignor[];
  readonly #topics: SubscribedTopics;
  readonly #requests: ClassicRequests;
  readonly #unreadable: (error: KafkaError) => void;

  /** @param unreadable Told of a member that nobody can read, and that is given nothing: the others must not stand still for that. */
  constructor(
    assignors: readonly Assignor[],
    topics: SubscribedTopics,
    requests: ClassicRequests,
    unreadable: (error: KafkaError) => void,
  ) {
    this.#assignors = assignors;
    this.#topics = topics;
    this.#requests = requests;
    this.#unreadable = unreadable;
  }

  /** Who reads what, by the ids of members; nothing where that is another's to say. */
  async divide({ members, memberId: own, assignor: name }: Joined, signal: AbortSignal) {
    const assignments = new Map<string, Uint8Array>();
    if (members === undefined) return { assignments, division: { wanted: undefined, isHalf: false } };
    const known = members.map(({ memberId, groupInstanceId, metadata }) => ({
      memberId,
      groupInstanceId: groupInstanceId ?? undefined,
      ...this.#subscription(memberId, metadata),
    }));
    const topics = known.flatMap(each => each.topics);
    const counts = await this.#topics.partitionCounts(topics, signal);
    const assignor = this.#assignors.find(each => each.name === name);
    const divided = assignor === undefined ? new Map<string, readonly ForPartition[]>() : assigned(assignor, known, counts);
    for (const [memberId, partitions] of divided) assignments.set(memberId, encodeAssignment({ partitions }));
    const givesUp = ({ memberId, ownedPartitions }: (typeof known)[number]) =>
      without(ownedPartitions, divided.get(memberId) ?? []).length > 0;
    return {
      assignments,
      division: { wanted: { topics, counts }, isHalf: known.some(member => member.memberId !== own && givesUp(member)) },
    };
  }

  /**
   * For a member that came again to a group that stays as it is, and may lead it. Who was there before may have ended when the group was half
   * divided, and topics may have got more partitions since.
   * @returns What it has to look after, and whether everything is with somebody; undefined while the group is being divided anew.
   */
  async takeOver(
    { leader, memberId }: Joined,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<(Division & { isWhole: boolean }) | undefined> {
    const members = await this.#requests.describe(signal, timeoutMs);
    if (members.length === 0) return undefined;
    const isOthers = leader !== memberId && members.some(member => member.memberId === leader);
    if (isOthers) return { wanted: undefined, isHalf: false, isWhole: true };
    const topics = members.flatMap(each => this.#subscription(each.memberId, each.memberMetadata).topics);
    const counts = await this.#topics.partitionCounts(topics, signal);
    const given = new Set(members.flatMap(({ memberAssignment }) => decodeAssignment(memberAssignment).partitions.map(placeText)));
    const isWhole = [...counts].every(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => placeText({ topic, partition })).every(place => given.has(place)),
    );
    return { wanted: { topics, counts }, isHalf: false, isWhole };
  }

  /** What a member wants, and holds. */
  #subscription(memberId: string, from: Uint8Array): MemberSubscription {
    try {
      return decodeSubscription(from);
    } catch (cause) {
      const why = asError(cause).message;
      this.#unreadable(
        new ProtocolError(
          `member ${JSON.stringify(memberId)} of the group subscribes in bytes that cannot be read, and is given nothing: ${why}`,
          { cause, context: { memberId } },
        ),
      );
      return { topics: [], ownedPartitions: [], generationId: -1 };
    }
  }
}
