import { ListGroups } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** The groups that this broker coordinates. */
export const listGroups = handler({
  api: ListGroups,
  versions: ListGroups.versions,
  answer({ body, cluster, broker, refusal }) {
    const errorCode = refusal({});
    if (errorCode !== 0) return { errorCode, groups: [] };
    const [states, types] = [body.statesFilter, body.typesFilter].map(filter => filter.map(name => name.trim().toLowerCase()));
    const listed = cluster.coordinator.all().filter(({ id, kind, state }) => {
      if (cluster.coordinatorOf(id)?.id !== broker) return false;
      return isMeant(states, state) && isMeant(types, kind);
    });
    return {
      errorCode,
      groups: listed.map(({ id, kind, state, protocolType }) => ({
        groupId: id,
        protocolType,
        groupState: state,
        groupType: kind,
      })),
    };
  },
});

/** Whether an empty list, or one with the name, was asked for. */
const isMeant = (names: readonly string[] = [], name: string): boolean => names.length === 0 || names.includes(name.toLowerCase());
