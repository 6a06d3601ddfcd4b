import type { Api, ResponseInput } from '../protocol/index.js';
import type { ClusterState } from './cluster-state.js';
import type { Target } from './match.js';
import type { SeenRequest } from './request-log.js';
import type { Offer, OfferedVersions } from './versions.js';

/** One request on its way through a broker. */
export interface Call<A extends Api = Api> {
  readonly request: SeenRequest<A>;
  readonly body: SeenRequest<A>['body'];
  readonly version: number;
  /** The id of the broker that answers. */
  readonly broker: number;
  readonly cluster: ClusterState;
  readonly offered: OfferedVersions;
  /** Aborted when nobody waits for the answer any more. */
  readonly closed: AbortSignal;
  /** The number of the error that this part of the request is to be refused with, because a test wants it so; 0 for none. */
  refusal(target: Target): number;
  /** Whether a test wants the records of this part of the answer damaged. Asked only for parts that have records. */
  damages(target: Target): boolean;
}

/** A request that has just come in. */
export type Asked<A extends Api = Api> = Pick<Call<A>, 'body' | 'version' | 'broker' | 'cluster'>;

/** In place of an answer: none is sent, or the connection is closed. */
export type NoAnswer = 'none' | 'close';

/** Answers the requests of one API, in every version of `versions`. */
export interface Handler<A extends Api = Api> extends Offer {
  readonly api: A;
  /** What a request is about beside what it names. */
  about?(request: Asked<A>): readonly Target[];
  answer(call: Call<A>): ResponseInput<A> | NoAnswer | Promise<ResponseInput<A> | NoAnswer>;
}

/** A handler with the type of its API inferred. */
export function handler<A extends Api>(definition: Handler<A>): Handler<A> {
  return definition;
}
