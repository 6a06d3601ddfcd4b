import { errorNumbers } from '../../base/broker-errors.js';
import { EndTxn } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import type { Identified } from '../transactions.js';
import { fencedAs } from './fenced.js';

/** The first version that gives the identity to go on with. */
const BUMPS_FROM = 5;

/** Commits or aborts a transaction. */
export const endTxn = handler({
  api: EndTxn,
  versions: EndTxn.versions,
  answer(call) {
    const { errorCode, producerId, producerEpoch } = end(call);
    const given = call.version >= BUMPS_FROM ? { producerId, producerEpoch } : {};
    return { errorCode: fencedAs(errorCode, call.version >= 2), ...given };
  },
});

function end({ body, cluster, broker, version, refusal }: Call<typeof EndTxn>): Identified {
  const { transactionalId, committed } = body;
  const elsewhere = transactionalId !== '' && cluster.coordinatorOf(transactionalId)?.id !== broker;
  const errorCode = refusal({ group: transactionalId }) || (elsewhere ? errorNumbers.NOT_COORDINATOR : 0);
  if (errorCode !== 0) return { errorCode, producerId: -1, producerEpoch: -1 };
  return cluster.transactions.end(transactionalId, body, committed ? 'commit' : 'abort', version >= BUMPS_FROM);
}
