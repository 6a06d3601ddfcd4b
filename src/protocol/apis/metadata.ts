import { ZERO_UUID } from '../../bytes/reader.js';
import { defineApi } from '../define-api.js';
import { NOT_ASKED } from '../not-asked.js';
import { array, bool, int16, int32, string, uuid } from '../schema.js';

/**
 * Metadata (key 3): brokers, topics, partitions and their leaders.
 * v1 null asks for all topics, racks, controller; v2 cluster id; v3 throttle time; v4 creation of missing topics can be refused;
 * v5 offline replicas; v6 the answer comes before throttling; v7 leader epoch (KIP-320); v8 authorised operations; v9 flexible;
 * v10 topic ids in answers; v11 authorised operations of the cluster move to DescribeCluster; v12 topics can be asked for by id;
 * v13 an error for the whole answer (KIP-1102).
 * Source: https://kafka.apache.org/protocol, "Metadata API".
 */
export const Metadata = defineApi({
  key: 3,
  name: 'Metadata',
  versions: [1, 13],
  flexible: 9,
  clientThrottles: 6,
  route: 'any',
  request: {
    // null: all topics; empty: none
    topics: array({
      topicId: uuid.from(10).default(ZERO_UUID).ignorable(),
      name: string.nullable(10), // null, with an id instead, works from v12 on
    }).nullable(1),
    allowAutoTopicCreation: bool.from(4).default(true),
    includeClusterAuthorizedOperations: bool.range(8, 10).default(false),
    includeTopicAuthorizedOperations: bool.from(8).default(false),
  },
  response: {
    throttleTimeMs: int32.from(3).default(0).ignorable(),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.from(1).nullable().default(null).ignorable(),
    }),
    clusterId: string.from(2).nullable().default(null).ignorable(),
    controllerId: int32.from(1).default(-1).ignorable(),
    topics: array({
      errorCode: int16,
      name: string.nullable(12), // null only for an id that no topic has
      topicId: uuid.from(10).default(ZERO_UUID).ignorable(),
      isInternal: bool.from(1).default(false).ignorable(),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32, // -1: none now
        leaderEpoch: int32.from(7).default(-1).ignorable(),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: array(int32).from(5).default([]).ignorable(),
      }),
      topicAuthorizedOperations: int32.from(8).default(NOT_ASKED),
    }),
    clusterAuthorizedOperations: int32.range(8, 10).default(NOT_ASKED),
    errorCode: int16.from(13).default(0).ignorable(),
  },
});
