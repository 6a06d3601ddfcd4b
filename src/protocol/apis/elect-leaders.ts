import { defineApi } from '../define-api.js';
import { array, int8, int16, int32, string } from '../schema.js';

/**
 * ElectLeaders (key 43): has partitions led by their preferred replica again (KIP-183), or by one that may have missed records (KIP-460).
 * v1 both kinds of election, an error for the whole answer; v2 flexible.
 * Source: https://kafka.apache.org/protocol, "ElectLeaders API".
 */
export const ElectLeaders = defineApi({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  clientThrottles: 0,
  route: 'controller',
  request: {
    electionType: int8.from(1).default(0), // 0: the preferred replica, 1: any, even one that is behind
    topicPartitions: array({
      topic: string,
      partitions: array(int32),
    }).nullable(), // null: all
    timeoutMs: int32.default(60000),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16.from(1),
    replicaElectionResults: array({
      topic: string,
      partitionResult: array({
        partitionId: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    }),
  },
});
