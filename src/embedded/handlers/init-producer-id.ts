import { errorNumbers } from '../../base/broker-errors.js';
import { InitProducerId } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';

/** The id and epoch of an idempotent or transactional producer. */
export const initProducerId = handler({
  api: InitProducerId,
  versions: InitProducerId.versions,
  answer(call) {
    const { body, cluster } = call;
    const errorCode = whatIsWrong(call);
    if (errorCode !== 0) return { errorCode, producerEpoch: -1 };
    const { transactionalId } = body;
    const identity = transactionalId === null ? cluster.producerIds.fresh() : cluster.producerIds.forTransactions(transactionalId);
    return { errorCode: 0, ...identity };
  },
});

function whatIsWrong({ body, cluster, broker, refusal }: Call<typeof InitProducerId>): number {
  const { transactionalId, producerId, producerEpoch } = body;
  const refused = refusal({ group: transactionalId ?? undefined });
  if (refused !== 0 || transactionalId === null) return refused;
  if (transactionalId === '') return errorNumbers.INVALID_REQUEST;
  if (cluster.coordinatorOf(transactionalId)?.id !== broker) return errorNumbers.NOT_COORDINATOR;
  const known = cluster.producerIds.of(transactionalId);
  if (producerId < 0 || known === undefined) return 0;
  // KIP-360: who gives an identity must give the current one.
  const current = known.producerId === producerId && known.producerEpoch === producerEpoch;
  return current ? 0 : errorNumbers.INVALID_PRODUCER_EPOCH;
}
