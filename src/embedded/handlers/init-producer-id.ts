import { errorNumbers } from '../../base/broker-errors.js';
import { InitProducerId } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import type { Identified } from '../transactions.js';
import { fencedAs } from './fenced.js';

/** The id and epoch of an idempotent or transactional producer. */
export const initProducerId = handler({
  api: InitProducerId,
  versions: InitProducerId.versions,
  answer(call) {
    const identified = initialise(call);
    return { ...identified, errorCode: fencedAs(identified.errorCode, call.version >= 4) };
  },
});

const NONE = { producerId: -1, producerEpoch: -1 };

function initialise({ body, cluster, broker, refusal }: Call<typeof InitProducerId>): Identified {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = body;
  const refused = refusal({ group: transactionalId ?? undefined });
  if (refused !== 0) return { errorCode: refused, ...NONE };
  const isGiven = producerId !== -1;
  if (isGiven !== (producerEpoch !== -1)) return { errorCode: errorNumbers.INVALID_REQUEST, ...NONE };
  if (transactionalId === null) return { errorCode: 0, ...cluster.producerIds.fresh() };
  if (transactionalId === '') return { errorCode: errorNumbers.INVALID_REQUEST, ...NONE };
  if (cluster.coordinatorOf(transactionalId)?.id !== broker) return { errorCode: errorNumbers.NOT_COORDINATOR, ...NONE };
  const given = isGiven ? { producerId, producerEpoch } : undefined;
  return cluster.transactions.initialise(transactionalId, transactionTimeoutMs, given);
}
