import type { Timer } from '../../base/clock.js';
import type { JoinGroup, ResponseInput, SyncGroup } from '../../protocol/index.js';

export type JoinAnswer = ResponseInput<typeof JoinGroup>;
export type SyncAnswer = ResponseInput<typeof SyncGroup>;

/** A way of assigning that a member knows, and what it has to say to it. Nobody here looks into that. */
export interface ClassicProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** What a member says of itself when it joins. */
export interface Introduction {
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  /** The one it likes best first. */
  readonly protocols: readonly ClassicProtocol[];
}

export const NOTHING: Buffer = Buffer.alloc(0);

/** One member of a classic group, with the requests of it that wait for the others. */
export class ClassicMember {
  readonly id: string;
  introduction: Introduction;
  assignment: Buffer = NOTHING;
  /** Whether its first JoinGroup is not answered yet: until then it cannot give a sign of life. */
  isNew = true;
  /** Ends its session. */
  session: Timer | undefined;
  #joining: ((answer: JoinAnswer) => void) | undefined;
  #syncing: ((answer: SyncAnswer) => void) | undefined;

  constructor(id: string, introduction: Introduction) {
    this.id = id;
    this.introduction = introduction;
  }

  get instanceId(): string | null {
    return this.introduction.instanceId;
  }

  get isJoining(): boolean {
    return this.#joining !== undefined;
  }

  get isSyncing(): boolean {
    return this.#syncing !== undefined;
  }

  /** Takes the place of a JoinGroup that waits already: that one is never answered. */
  waitToJoin(): Promise<JoinAnswer> {
    return new Promise(resolve => {
      this.#joining = resolve;
    });
  }

  waitToSync(): Promise<SyncAnswer> {
    return new Promise(resolve => {
      this.#syncing = resolve;
    });
  }

  /** Answers the JoinGroup that waits, if one does. */
  answerJoin(answer: JoinAnswer): void {
    this.#joining?.(answer);
    this.#joining = undefined;
  }

  /** Whether a SyncGroup waited. */
  answerSync(answer: SyncAnswer): boolean {
    const waited = this.isSyncing;
    this.#syncing?.(answer);
    this.#syncing = undefined;
    return waited;
  }

  metadataOf(protocol: string): Buffer {
    return this.introduction.protocols.find(({ name }) => name === protocol)?.metadata ?? NOTHING;
  }

  /** Whether it knows the same ways of assigning, in the same order, and says the same to each. */
  says(protocols: readonly ClassicProtocol[]): boolean {
    const own = this.introduction.protocols;
    return (
      own.length === protocols.length &&
      own.every((one, i) => one.name === protocols[i]?.name && one.metadata.equals(protocols[i].metadata))
    );
  }
}
