import { ListTransactions } from '../../protocol/index.js';
import { handler } from '../handler.js';
import { transactionStates } from '../transactional-id.js';

/** The transactional ids that this broker coordinates. */
export const listTransactions = handler({
  api: ListTransactions,
  versions: ListTransactions.versions,
  answer({ body, cluster, broker, refusal }) {
    const errorCode = refusal({});
    const { stateFilters, producerIdFilters, durationFilter } = body;
    const now = cluster.clock.wallTime();
    const unknownStateFilters = stateFilters.filter(state => !transactionStates.includes(state));
    const known = stateFilters.filter(state => transactionStates.includes(state));
    const listed = cluster.transactions.all().filter(({ id, state, producerId, startTime }) => {
      if (cluster.coordinatorOf(id)?.id !== broker) return false;
      if (producerIdFilters.length > 0 && !producerIdFilters.includes(producerId)) return false;
      if (stateFilters.length > 0 && !known.includes(state)) return false;
      return durationFilter < 0 || (startTime >= 0 && now - startTime > durationFilter);
    });
    return {
      errorCode,
      unknownStateFilters,
      transactionStates:
        errorCode === 0 ? listed.map(({ id, producerId, state }) => ({ transactionalId: id, producerId, transactionState: state })) : [],
    };
  },
});
