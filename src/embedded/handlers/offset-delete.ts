import { errorNumbers } from '../../base/broker-errors.js';
import { OffsetDelete } from '../../protocol/index.js';
import type { AnyGroup } from '../groups/coordinator.js';
import { type Call, handler } from '../handler.js';
import { refusedMember } from './group-checks.js';

/** Forgets what a group has stored, of topics that no member of it reads. */
export const offsetDelete = handler({
  api: OffsetDelete,
  versions: OffsetDelete.versions,
  answer(call) {
    const { groupId, topics } = call.body;
    const group = call.cluster.coordinator.of(groupId);
    const missing = errorNumbers.GROUP_ID_NOT_FOUND;
    const errorCode = refusedMember(call, groupId) || (group === undefined ? missing : group.refuseDeletingOffsets());
    if (errorCode !== 0 || group === undefined) return { errorCode, topics: [] };
    const answers = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: forget(call, group, name, partitionIndex) })),
    }));
    call.cluster.coordinator.offsetsDeleted(group);
    return { errorCode: 0, topics: answers };
  },
});

/** The error, 0 for none. */
function forget({ cluster, refusal }: Call<typeof OffsetDelete>, group: AnyGroup, topic: string, partition: number): number {
  const refused = refusal({ group: group.id, topic, partition });
  if (refused !== 0) return refused;
  if (cluster.partition(topic, partition) === undefined) return errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
  if (group.isSubscribedTo(topic)) return errorNumbers.GROUP_SUBSCRIBED_TO_TOPIC;
  cluster.groups.forget(group.id, topic, partition);
  return 0;
}
