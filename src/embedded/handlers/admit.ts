import { errorNumbers } from '../../base/broker-errors.js';
import type { ClusterState } from '../cluster-state.js';
import type { ProducerIdentity } from '../producer-ids.js';
import type { Partition } from '../topic.js';
import { fencedAs } from './fenced.js';

/** What is to be written inside a transaction. */
export type Written = { readonly partition: Partition } | { readonly group: string };

/** How a version of an API has its transactions looked after (KIP-890). */
export interface Manner {
  /** What is written is taken into the transaction by itself. */
  readonly adds: boolean;
  /** TRANSACTION_ABORTABLE may be answered. */
  readonly knowsAbortable: boolean;
}

/**
 * Asks the coordinator whether a producer may write inside its transaction. Gives the error number, 0 for yes.
 * Releases before 3.6 do not ask: what was written outside a transaction hangs there.
 */
export function admit(cluster: ClusterState, id: string, who: ProducerIdentity, what: Written, manner: Manner): number {
  const { transactions, options } = cluster;
  if (options.emulate === '1.1' || options.emulate === '2.8') return 0;
  const added = 'partition' in what ? { partitions: [what.partition] } : what;
  const error = manner.adds ? transactions.extend(id, who, added) : transactions.verify(id, who, what);
  if (error === errorNumbers.TRANSACTION_ABORTABLE && !manner.knowsAbortable) return errorNumbers.INVALID_TXN_STATE;
  return fencedAs(error, false);
}
