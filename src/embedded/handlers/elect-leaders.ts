import { errorNumbers } from '../../base/broker-errors.js';
import { ElectLeaders, type RequestIn, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { NO_LEADER, type Partition } from '../topic.js';

type Topics = RequestIn<typeof ElectLeaders>['topicPartitions'];
type Result = ResponseInput<typeof ElectLeaders>['replicaElectionResults'][number]['partitionResult'][number];
const PREFERRED = 0;

/** Has partitions led by their preferred replica, or those without a leader by any. */
export const electLeaders = handler({
  api: ElectLeaders,
  versions: ElectLeaders.versions,
  answer(call) {
    const { cluster, body } = call;
    const named: Topics = body.topicPartitions;
    if (named === null) {
      const every = [...cluster.topics.values()].map(({ name, partitions }) => ({
        topic: name,
        // Of all partitions only those are told where there was something to do.
        partitionResult: partitions.map(({ index }) => elect(call, name, index)).filter(({ errorCode }) => errorCode !== NOT_NEEDED),
      }));
      return { errorCode: 0, replicaElectionResults: every.filter(({ partitionResult }) => partitionResult.length > 0) };
    }
    const replicaElectionResults = named.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(index => elect(call, topic, index)),
    }));
    return { errorCode: 0, replicaElectionResults };
  },
});

const NOT_NEEDED = errorNumbers.ELECTION_NOT_NEEDED;

function elect({ cluster, body, refusal }: Call<typeof ElectLeaders>, topic: string, partitionId: number): Result {
  const answer = (errorCode: number, errorMessage: string | null = null): Result => ({ partitionId, errorCode, errorMessage });
  const refused = refusal({ topic, partition: partitionId });
  if (refused !== 0) return answer(refused);
  const partition = cluster.partition(topic, partitionId);
  if (partition === undefined) return answer(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${topic}-${partitionId}`);
  const isPreferred = body.electionType === PREFERRED;
  if (isPreferred ? partition.leader === partition.replicas[0] : partition.leader !== NO_LEADER) return answer(NOT_NEEDED);
  const [next] = candidates(partition, isPreferred).filter(id => cluster.isLive(id));
  if (next === undefined)
    return answer(isPreferred ? errorNumbers.PREFERRED_LEADER_NOT_AVAILABLE : errorNumbers.ELIGIBLE_LEADERS_NOT_AVAILABLE);
  partition.lead(next);
  return answer(0);
}

const candidates = ({ replicas }: Partition, isPreferred: boolean): readonly number[] => (isPreferred ? replicas.slice(0, 1) : replicas);
