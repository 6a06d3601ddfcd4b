import { defineApi } from '../define-api.js';
import { NOT_ASKED } from '../not-asked.js';
import { array, bool, int8, int16, int32, string } from '../schema.js';

/**
 * DescribeCluster (key 60): id, controller and brokers of the cluster (KIP-700).
 * v0 flexible; v1 brokers or controllers (KIP-919).
 * Source: https://kafka.apache.org/protocol, "DescribeCluster API".
 */
export const DescribeCluster = defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 1],
  flexible: 0,
  clientThrottles: 0,
  route: 'any',
  request: {
    includeClusterAuthorizedOperations: bool.default(false),
    endpointType: int8.from(1).default(1), // 1: brokers, 2: controllers
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    endpointType: int8.from(1).default(1), // 1: brokers, 2: controllers
    clusterId: string,
    controllerId: int32.default(-1),
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    }),
    clusterAuthorizedOperations: int32.default(NOT_ASKED),
  },
});
