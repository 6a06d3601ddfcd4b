import type { TestContext } from 'node:test';
import { type Clock, systemClock } from '../../src/base/clock.js';
import { Bell } from '../../src/base/wait.js';
import { Cluster, type ClusterSettings } from '../../src/cluster/cluster.js';
import type { ClusterMetadata } from '../../src/cluster/metadata.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { parseAddresses } from '../../src/network/address.js';
import type { LinkEvent } from '../../src/network/link.js';

/** The system's clock, which can be put forward. */
export class SkewedClock implements Clock {
  #skewMs = 0;
  wallTime = systemClock.wallTime;
  after = systemClock.after;
  soon = systemClock.soon;

  now(): number {
    return systemClock.now() + this.#skewMs;
  }

  advance(ms: number): void {
    this.#skewMs += ms;
  }
}

export interface ClusterSetting {
  readonly embedded: EmbeddedCluster;
  readonly cluster: Cluster;
  readonly clock: SkewedClock;
  /** Every snapshot that was told of. */
  readonly snapshots: ClusterMetadata[];
  /** What became of connections, as `kind broker`. */
  readonly connections: string[];
  /** Resolves when `holds` does, which is looked at whenever the cluster tells something. @throws Error after ten seconds. */
  until(holds: () => boolean): Promise<void>;
}

export interface ClusterSettingOptions extends EmbeddedClusterOptions {
  readonly cluster?: Partial<Omit<ClusterSettings, 'brokers'>>;
  /** The bootstrap addresses, from those of all brokers. Default: all. */
  readonly bootstrap?: (brokers: readonly string[]) => readonly string[];
}

/** An embedded cluster with the topic "orders" of one partition, and a client side without a client: its lowest part that knows topics. */
export async function clusterSetting(
  t: TestContext,
  { cluster: settings = {}, bootstrap = all => all, ...options }: ClusterSettingOptions = {},
): Promise<ClusterSetting> {
  const embedded = await EmbeddedCluster.start({ topics: { orders: 1 }, ...options });
  const clock = new SkewedClock();
  const snapshots: ClusterMetadata[] = [];
  const connections: string[] = [];
  const told = new Bell();
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) if ((await told.waitFor(systemClock, 10_000)) === 'late') throw new Error(`waited in vain for ${holds}`);
  };
  const cluster = new Cluster({
    clientId: 'test',
    connectTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    idleTimeoutMs: Number.POSITIVE_INFINITY,
    metadataMaxAgeMs: Number.POSITIVE_INFINITY,
    maxResponseBytes: 1_000_000,
    ipVersion: undefined,
    clock,
    reconnect: { backoffMs: 5, maxBackoffMs: 20 },
    retry: { attempts: 5, backoffMs: 5, maxBackoffMs: 20 },
    shuffleBrokers: false,
    allowAutoTopicCreation: false,
    versionCaps: new Map(),
    observe: ({ kind, broker }: LinkEvent) => {
      connections.push(`${kind} ${broker}`);
      told.ring();
    },
    observeMetadata: metadata => {
      snapshots.push(metadata);
      told.ring();
    },
    ...settings,
    brokers: parseAddresses(bootstrap(embedded.brokers)),
  });
  t.after(async () => {
    cluster.close();
    await embedded.close();
  });
  return { embedded, cluster, clock, snapshots, connections, until };
}

/** An address of loopback where nothing listens: one that was just given back. */
export async function deadAddress(): Promise<string> {
  const gone = await EmbeddedCluster.start();
  await gone.close();
  return gone.brokers[0] ?? '';
}
