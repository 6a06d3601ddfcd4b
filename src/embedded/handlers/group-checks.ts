import { errorNumbers } from '../../base/broker-errors.js';
import type { Call } from '../handler.js';

/** Why a request about a group is refused before anybody looks at the group; 0 when it is not. */
export function refusedBefore(call: Call, group: string): number {
  const elsewhere = call.cluster.coordinatorOf(group)?.id === call.broker ? 0 : errorNumbers.NOT_COORDINATOR;
  return call.refusal({ group }) || elsewhere;
}

/** As {@link refusedBefore}, for requests that must name a group. */
export function refusedMember(call: Call, group: string): number {
  return refusedBefore(call, group) || (group === '' ? errorNumbers.INVALID_GROUP_ID : 0);
}
