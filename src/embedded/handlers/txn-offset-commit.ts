import { errorNumbers } from '../../base/broker-errors.js';
import { type RequestIn, TxnOffsetCommit } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { admit } from './admit.js';
import { MAX_METADATA_BYTES } from './offset-commit.js';

type Commit = RequestIn<typeof TxnOffsetCommit>['topics'][number]['partitions'][number];

/** The first version that takes the group into the transaction by itself. */
const ADDS_FROM = 5;
const ABORTABLE_FROM = 4;

/** Stores offsets of a group once the transaction is committed. */
export const txnOffsetCommit = handler({
  api: TxnOffsetCommit,
  versions: TxnOffsetCommit.versions,
  answer(call) {
    const ofAll = once(() => whatIsWrong(call));
    return {
      topics: call.body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(wanted => ({ partitionIndex: wanted.partitionIndex, errorCode: commit(call, name, wanted, ofAll) })),
      })),
    };
  },
});

/** The error, 0 for none. */
function commit(call: Call<typeof TxnOffsetCommit>, topic: string, wanted: Commit, ofAll: () => number): number {
  const { cluster, body, refusal } = call;
  const { groupId, producerId, transactionalId } = body;
  const { partitionIndex: partition, committedOffset, committedLeaderEpoch, committedMetadata } = wanted;
  const refused = refusal({ topic, partition, group: groupId }) || refusal({ topic, partition, group: transactionalId });
  if (refused !== 0) return refused;
  if (cluster.partition(topic, partition) === undefined) return errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
  const wrong = ofAll();
  if (wrong !== 0) return wrong;
  const metadata = committedMetadata ?? '';
  if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES) return errorNumbers.OFFSET_METADATA_TOO_LARGE;
  const committed = { offset: committedOffset, metadata, leaderEpoch: committedLeaderEpoch };
  cluster.groups.commitLater(groupId, producerId, topic, partition, committed);
  return 0;
}

/** What is wrong with the whole request, once there is something in it to be stored. */
function whatIsWrong({ cluster, body, broker, version }: Call<typeof TxnOffsetCommit>): number {
  const { groupId, transactionalId, generationId } = body;
  if (groupId === '') return errorNumbers.INVALID_GROUP_ID;
  if (cluster.coordinatorOf(groupId)?.id !== broker) return errorNumbers.NOT_COORDINATOR;
  const manner = { adds: version >= ADDS_FROM, knowsAbortable: version >= ABORTABLE_FROM };
  const refused = admit(cluster, transactionalId, body, { group: groupId }, manner);
  if (refused !== 0) return refused;
  const { memberId, groupInstanceId: instanceId } = body;
  const wrong = cluster.coordinator.refuseCommit(groupId, { memberId, instanceId, epoch: generationId, isTransactional: true, version });
  if (wrong !== 0) return wrong;
  cluster.groups.open(groupId);
  return 0;
}

function once<T>(work: () => T): () => T {
  let done: { readonly value: T } | undefined;
  return () => (done ??= { value: work() }).value;
}
