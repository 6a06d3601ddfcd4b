import { after, type TestContext, test } from 'node:test';
import { missingForKafka, missingKcat, REQUIRED } from './availability.js';
import { type ClusterOptions, KafkaCluster } from './cluster.js';
import { KafkaHandle } from './handle.js';
import { askKeeper, KEEPER_VARIABLE } from './keeper.js';
import { DEFAULT_VERSION, type KafkaVersion } from './versions.js';

export { type ClusterOptions, KafkaCluster } from './cluster.js';
export { KafkaHandle, type TopicOptions, uniqueName } from './handle.js';
export { DEFAULT_VERSION, KAFKA_VERSIONS, type KafkaVersion } from './versions.js';

/** What a test against real Kafka needs. */
export interface KafkaTestOptions {
  /** Default 4.1.2. */
  readonly version?: KafkaVersion | undefined;
  /** Default 1. */
  readonly nodes?: number | undefined;
  /** Whether it needs kcat too. Default false. */
  readonly kcat?: boolean | undefined;
  /** Longest time in ms for the test with the start of its brokers. Default 180,000. */
  readonly timeoutMs?: number | undefined;
}

const own = new Map<string, Promise<KafkaCluster>>();
let missing: { readonly kafka: string | undefined; readonly kcat: string | undefined } | undefined;
let failed = false;

after(closeOwn);

/**
 * A test on brokers that it shares with all other test files of the run: it makes its own topics and leaves the brokers as they are.
 * Where real Kafka is missing the test is skipped, and fails with TIDEMARK_REQUIRE_KAFKA=1.
 */
export function kafkaTest(name: string, body: (t: TestContext, kafka: KafkaHandle) => Promise<void>, options: KafkaTestOptions = {}): void {
  const { version = DEFAULT_VERSION, nodes = 1 } = options;
  declare(name, options, async t => body(t, await sharedKafka(version, { nodes })));
}

/** A test on a cluster of its own, which it may break as it likes. Afterwards the cluster is gone; after a failure its logs stay. */
export function clusterTest(
  name: string,
  body: (t: TestContext, kafka: KafkaCluster) => Promise<void>,
  options: KafkaTestOptions & ClusterOptions = {},
): void {
  declare(name, options, async t => {
    const kafka = await KafkaCluster.start(options);
    let keepLogs = true;
    try {
      await body(t, kafka);
      keepLogs = t.signal.aborted;
    } finally {
      const logs = await kafka.close({ keepLogs });
      if (logs) t.diagnostic(`the brokers' logs are in ${logs}`);
    }
  });
}

/**
 * Running brokers that all test files of a run share. A file that runs alone gets its own, which end with it.
 * @throws Error when they cannot be started; {@link requireKafka} tells before whether this machine can.
 */
export async function sharedKafka(version: KafkaVersion = DEFAULT_VERSION, { nodes = 1 }: { nodes?: number } = {}): Promise<KafkaHandle> {
  const keeper = process.env[KEEPER_VARIABLE];
  if (keeper) return new KafkaHandle(version, await askKeeper(keeper, { version, nodes }));
  const kind = `${version} x ${nodes}`;
  const cluster = own.get(kind) ?? KafkaCluster.start({ version, nodes });
  own.set(kind, cluster);
  return cluster;
}

/**
 * Why a test must be skipped here, for node:test's `skip` option; false when it can run.
 * @throws Error instead of giving a reason with TIDEMARK_REQUIRE_KAFKA=1.
 */
export function requireKafka({ kcat = false }: { kcat?: boolean | undefined } = {}): string | false {
  missing ??= { kafka: missingForKafka(), kcat: missingKcat() };
  const lacking = [missing.kafka, kcat ? missing.kcat : undefined].filter(name => name !== undefined).join(' and ');
  if (lacking && REQUIRED) throw new Error(`TIDEMARK_REQUIRE_KAFKA=1, but this machine lacks ${lacking}`);
  return lacking ? `this machine lacks ${lacking}` : false;
}

function declare(
  name: string,
  { version = DEFAULT_VERSION, nodes = 1, kcat, timeoutMs = 180_000 }: KafkaTestOptions,
  body: (t: TestContext) => Promise<void>,
): void {
  const title = `${name} (Kafka ${version}${nodes > 1 ? `, ${nodes} nodes` : ''})`;
  test(title, { timeout: timeoutMs }, async t => {
    const reason = requireKafka({ kcat });
    if (reason) return t.skip(reason);
    try {
      await body(t);
    } catch (error) {
      failed = true;
      throw error;
    }
  });
}

async function closeOwn(): Promise<void> {
  for (const start of own.values()) {
    const logs = await start.then(
      kafka => kafka.close({ keepLogs: failed }),
      () => undefined,
    );
    if (logs) console.error(`the brokers' logs are in ${logs}`);
  }
}
