import { type ClusterOptions, KafkaCluster } from '../kafka/cluster.js';
import { ChaosProxy } from '../support/proxy.js';

const LISTENER = 'PROXIED';

/** A cluster whose clients reach every node through a proxy, which may cut their connections; the nodes reach each other without. */
export interface ProxiedCluster {
  readonly kafka: KafkaCluster;
  /** One for each node, in their order. */
  readonly proxies: readonly ChaosProxy[];
  /** `host:port` of the proxies. */
  readonly bootstrap: readonly string[];
}

/**
 * Starts one for `work`, and ends it. After a failure the brokers' logs stay.
 * @throws what `work` throws, and what {@link KafkaCluster.start} does.
 */
export async function withProxiedCluster(
  { nodes = 3, ...options }: ClusterOptions,
  say: (line: string) => void,
  work: (cluster: ProxiedCluster) => Promise<void>,
): Promise<void> {
  const proxies = await Promise.all(Array.from({ length: nodes }, () => ChaosProxy.start()));
  try {
    const advertisedPorts = { [LISTENER]: proxies.map(({ port }) => port) };
    const kafka = await KafkaCluster.start({ ...options, nodes, listeners: { [LISTENER]: 'PLAINTEXT' }, advertisedPorts });
    let keepLogs = true;
    try {
      for (const [i, address] of kafka.bootstrapOf(LISTENER).entries()) {
        const proxy = proxies[i];
        if (proxy !== undefined) proxy.targetPort = Number(address.slice(address.lastIndexOf(':') + 1));
      }
      await work({ kafka, proxies, bootstrap: proxies.map(({ address }) => address) });
      keepLogs = false;
    } finally {
      const logs = await kafka.close({ keepLogs });
      if (logs) say(`the brokers' logs are in ${logs}`);
    }
  } finally {
    await Promise.all(proxies.map(proxy => proxy.close()));
  }
}
