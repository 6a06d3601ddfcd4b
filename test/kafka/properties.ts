/** Settings of a broker, as in its properties file. */
export type Properties = Readonly<Record<string, string | number | boolean>>;

/** How a listener of a broker is protected. */
export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

/** A listener next to the plain one. */
export interface Listener {
  readonly name: string;
  readonly protocol: SecurityProtocol;
  readonly port: number;
  /** The port clients are told, when it is not the broker's own: that of a proxy. */
  readonly advertisedPort: number;
}

/** Where one node lives. */
export interface NodeAddress {
  readonly id: number;
  readonly port: number;
  /** Port of its controller in KRaft, of ZooKeeper otherwise. */
  readonly metadataPort: number;
  readonly listeners: readonly Listener[];
}

/** Writes settings in the form Java reads. */
export const formatProperties = (properties: Properties): string =>
  Object.entries(properties)
    .map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
    .join('');

/** Settings of a node that is broker and controller in one. `cluster` lists all nodes. */
export function kraftProperties(node: NodeAddress, cluster: readonly NodeAddress[], dataDirectory: string): Properties {
  const listeners = listenerProperties(node);
  return {
    ...common(cluster.length, dataDirectory),
    ...listeners,
    listeners: `${listeners.listeners},CONTROLLER://127.0.0.1:${node.metadataPort}`,
    'listener.security.protocol.map': `${listeners['listener.security.protocol.map']},CONTROLLER:PLAINTEXT`,
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': cluster.map(({ id, metadataPort }) => `${id}@127.0.0.1:${metadataPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    // a dead broker is noticed after 3 s instead of 9 s
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 3_000,
  };
}

/** Settings of a broker of the time before KRaft. */
export function zookeeperBrokerProperties(node: NodeAddress, dataDirectory: string): Properties {
  return {
    ...common(1, dataDirectory),
    ...listenerProperties(node),
    'broker.id': node.id,
    'zookeeper.connect': `127.0.0.1:${node.metadataPort}`,
    'zookeeper.session.timeout.ms': 2_000, // a killed broker can come back once its session is over
    'zookeeper.connection.timeout.ms': 30_000,
    'delete.topic.enable': true, // as it is by itself from 1.0 on
  };
}

/** Settings of the ZooKeeper next to such a broker. */
export const zookeeperProperties = (port: number, dataDirectory: string): Properties => ({
  dataDir: dataDirectory,
  clientPort: port,
  clientPortAddress: '127.0.0.1',
  maxClientCnxns: 0,
  tickTime: 500,
  'admin.enableServer': false,
});

function listenerProperties({ port, listeners }: NodeAddress) {
  const all = [{ name: 'PLAINTEXT', protocol: 'PLAINTEXT', port, advertisedPort: port }, ...listeners];
  return {
    listeners: all.map(({ name, port }) => `${name}://127.0.0.1:${port}`).join(','),
    'advertised.listeners': all.map(({ name, advertisedPort }) => `${name}://127.0.0.1:${advertisedPort}`).join(','),
    'listener.security.protocol.map': all.map(({ name, protocol }) => `${name}:${protocol}`).join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
  };
}

/** Settings for tests: internal topics are small, time-outs and clean-ups are quick, and nothing is created by accident. */
function common(nodes: number, dataDirectory: string): Properties {
  const replicas = Math.min(nodes, 3);
  const inSync = Math.min(replicas, 2);
  return {
    'log.dirs': dataDirectory,
    'num.partitions': 3,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'auto.create.topics.enable': false,
    'unclean.leader.election.enable': false,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
    'share.coordinator.state.topic.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    'group.consumer.min.heartbeat.interval.ms': 200,
    'group.consumer.heartbeat.interval.ms': 500,
    'group.consumer.min.session.timeout.ms': 1_000,
    'replica.lag.time.max.ms': 5_000,
    'log.retention.ms': -1, // records of tests may bear any timestamp: only topics that say so lose what is old
    'log.retention.check.interval.ms': 1_000,
    'log.cleaner.backoff.ms': 500,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'num.recovery.threads.per.data.dir': 1,
  };
}
