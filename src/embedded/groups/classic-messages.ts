import { errorNumbers } from '../../base/broker-errors.js';
import { type Introduction, type JoinAnswer, NOTHING, type SyncAnswer } from './classic-member.js';

export interface JoinRequest extends Introduction {
  /** Empty for a newcomer. */
  readonly memberId: string;
  /** Whether a newcomer without an instance is told its id first, and joins with it then (KIP-394). */
  readonly needsId: boolean;
  /** Whether a leader can be told to leave the assignment as it is (KIP-814). */
  readonly maySkip: boolean;
}

export interface SyncRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generationId: number;
  /** Null before the version that says it; so is the name. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** By member, from the leader. */
  readonly assignments: ReadonlyMap<string, Buffer>;
}

export type Errno = keyof typeof errorNumbers;

/** An answer that lets nobody in. */
export const refusedJoin = (error: Errno, memberId: string): JoinAnswer => ({
  errorCode: errorNumbers[error],
  generationId: -1,
  protocolName: null,
  leader: '',
  memberId,
  members: [],
});

export const refusedSync = (errorCode: number): SyncAnswer => ({ errorCode, assignment: NOTHING });
