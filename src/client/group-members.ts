import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { KafkaError, StateError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import type { Bounds } from '../cluster/cluster.js';
import { ConsumerGroupDescribe, DescribeGroups } from '../protocol/index.js';
import type { ClientCore } from './client.js';

/** States of a group without members: what it has stored is anybody's to change. */
const withoutMembers: readonly string[] = ['Empty', 'Dead'];

/** The second: the broker has no groups of the new protocol. */
const notThere: readonly number[] = [errorNumbers.GROUP_ID_NOT_FOUND, errorNumbers.UNSUPPORTED_VERSION];

/**
 * Sees that a group has no live members, as Kafka does by itself for a plain commit: for one of a transaction it does not. A member may
 * still join a moment later.
 * @throws KafkaError `TIDE_GROUP_IN_USE` when there are some; why the coordinator could not be asked. Each with `persistence: 'no'`:
 * nothing was to be stored yet.
 */
export async function assertNoMembers(core: ClientCore, groupId: string, bounds: Bounds): Promise<void> {
  let isInUse: boolean;
  try {
    isInUse = await isUsed(core, groupId, bounds);
  } catch (thrown) {
    throw thrown instanceof KafkaError ? withPersistence(thrown, 'no') : thrown;
  }
  if (!isInUse) return;
  throw new StateError(
    'TIDE_GROUP_IN_USE',
    `group ${JSON.stringify(groupId)}: it has live members, and only they may commit; use another group id or stop them`,
    { persistence: 'no', context: { groupId } },
  );
}

async function isUsed(core: ClientCore, groupId: string, bounds: Bounds): Promise<boolean> {
  const what = `describe group ${JSON.stringify(groupId)}`;
  const isThere = (code: number): boolean => {
    if (code !== 0 && !notThere.includes(code)) throw brokerError(code, what);
    return code === 0;
  };
  const classic = await core.coordinators.request(
    'group',
    groupId,
    DescribeGroups,
    { groups: [groupId] },
    ({ groups: [group] }) => group !== undefined && isThere(group.errorCode) && !withoutMembers.includes(group.groupState),
    bounds,
  );
  // A group of the new protocol (KIP-848) looks as if it were not there.
  return classic || hasMembers(core, groupId, isThere, bounds);
}

async function hasMembers(core: ClientCore, groupId: string, isThere: (code: number) => boolean, bounds: Bounds): Promise<boolean> {
  try {
    return await core.coordinators.request(
      'group',
      groupId,
      ConsumerGroupDescribe,
      { groupIds: [groupId] },
      ({ groups: [group] }) => group !== undefined && isThere(group.errorCode) && group.members.length > 0,
      bounds,
    );
  } catch (error) {
    if (error instanceof KafkaError && error.code === 'TIDE_UNSUPPORTED') return false;
    throw error;
  }
}
