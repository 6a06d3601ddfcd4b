/**
 * What Kafka describes and tidemark does not speak, each with its reason. The contract test reads these tables both ways:
 * whatever is missing must stand here, and whatever stands here must be missing.
 */

/** Versions of the APIs we speak. */
export const leftOutVersions: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Produce: { 0: 'every broker we support knows v2', 1: 'every broker we support knows v2' },
  Fetch: { 0: 'every broker we support knows v2', 1: 'every broker we support knows v2', 18: 'for replicas only (KIP-1166)' },
  ListOffsets: { 0: 'answers without timestamps', 11: 'asks for what is not uploaded yet (KIP-1023), which nobody here does' },
  Metadata: { 0: 'every broker we support knows v1' },
  OffsetCommit: { 0: 'stores offsets in ZooKeeper', 1: 'lacks what v2 has, on the same brokers' },
  OffsetFetch: { 0: 'reads offsets from ZooKeeper' },
  FindCoordinator: { 6: 'for share groups only (KIP-932)' },
  InitProducerId: { 6: 'not stable yet (KIP-939)' },
  OffsetForLeaderEpoch: { 0: 'for replicas only', 1: 'for replicas only' },
  AddPartitionsToTxn: { 4: 'for brokers only (KIP-890)', 5: 'for brokers only (KIP-890)' },
  DescribeAcls: { 0: 'cannot say what kind of pattern a name is (KIP-290)' },
  CreateAcls: { 0: 'cannot say what kind of pattern a name is (KIP-290)' },
  DeleteAcls: { 0: 'cannot say what kind of pattern a name is (KIP-290)' },
  DescribeConfigs: { 0: 'does not say where a value comes from' },
  DescribeLogDirs: { 0: 'the same as v1, for brokers before 2.0', 5: 'adds cordoned directories (KIP-1066), which nobody here asks for' },
  AlterPartitionReassignments: { 1: 'adds a check that nobody here asks for (KIP-860)' },
  DescribeCluster: { 2: 'adds fenced brokers (KIP-1073), to which no client can talk' },
  ListTransactions: { 2: 'adds a pattern of ids (KIP-1152), which can be matched here' },
  ConsumerGroupHeartbeat: { 0: 'the broker invents the id of a member, and a lost answer leaves one behind (KIP-1082)' },
};

/** Versions of the request header. */
export const leftOutRequestHeaders: Readonly<Record<number, string>> = {
  0: 'for ControlledShutdown v0 only, which brokers send each other',
};

/** APIs, by the reason why they are left out. */
export const leftOutApis: Readonly<Record<string, string>> = {
  'deprecated: it resets what it does not name; IncrementalAlterConfigs does not': 'AlterConfigs',
  'features are raised by whoever upgrades the cluster, with the tools of that release': 'UpdateFeatures',
  'for replicas, brokers and controllers among each other':
    'AddRaftVoter AllocateProducerIds AlterPartition AssignReplicasToDirs BeginQuorumEpoch BrokerHeartbeat BrokerRegistration ' +
    'ControlledShutdown ControllerRegistration EndQuorumEpoch Envelope FetchSnapshot LeaderAndIsr RemoveRaftVoter StopReplica ' +
    'UnregisterBroker UpdateMetadata UpdateRaftVoter Vote WriteTxnMarkers',
  'share groups: not yet':
    'AlterShareGroupOffsets DeleteShareGroupOffsets DeleteShareGroupState DescribeShareGroupOffsets InitializeShareGroupState ' +
    'ReadShareGroupState ReadShareGroupStateSummary ShareAcknowledge ShareFetch ShareGroupDescribe ShareGroupHeartbeat WriteShareGroupState',
  'Kafka Streams only': 'StreamsGroupDescribe StreamsGroupHeartbeat',
  'telemetry: not yet': 'GetTelemetrySubscriptions PushTelemetry ListClientMetricsResources',
  'lists what has settings of its own besides topics and brokers: not yet': 'ListConfigResources',
  'delegation tokens: not yet': 'CreateDelegationToken DescribeDelegationToken ExpireDelegationToken RenewDelegationToken',
  'for whoever runs the brokers: disks and the quorum of controllers': 'AlterReplicaLogDirs DescribeQuorum',
};
