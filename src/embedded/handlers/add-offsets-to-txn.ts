import { errorNumbers } from '../../base/broker-errors.js';
import { AddOffsetsToTxn } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { fencedAs } from './fenced.js';

/** Takes the offsets of a group into a transaction. */
export const addOffsetsToTxn = handler({
  api: AddOffsetsToTxn,
  versions: AddOffsetsToTxn.versions,
  answer: call => ({ errorCode: fencedAs(add(call), call.version >= 2) }),
});

/** The error, 0 for none. A fault may be meant for the transactional id or for the group. */
function add({ body, cluster, broker, refusal }: Call<typeof AddOffsetsToTxn>): number {
  const { transactionalId, groupId } = body;
  const refused = refusal({ group: transactionalId }) || refusal({ group: groupId });
  if (refused !== 0) return refused;
  if (transactionalId !== '' && cluster.coordinatorOf(transactionalId)?.id !== broker) return errorNumbers.NOT_COORDINATOR;
  return cluster.transactions.extend(transactionalId, body, { group: groupId });
}
