import { randomBytes } from 'node:crypto';
import { javaArguments, javaCommand } from './java.js';
import { GuardedProcess, run } from './process.js';
import { type KafkaVersion, releaseOf } from './versions.js';
import { createTopics, metadata } from './wire.js';

/** What `createTopic` may be told. */
export interface TopicOptions {
  /** Default: a name no other topic has. */
  readonly name?: string | undefined;
  /** Default 1. */
  readonly partitions?: number | undefined;
  /** Copies of each partition. Default: one per node, at most 3. */
  readonly replicas?: number | undefined;
  /** Topic settings by Kafka's own names. */
  readonly config?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** A name that no other test uses: `orders` becomes `orders-5f3a9c2e81`. Good for topics, groups and transactional ids. */
export const uniqueName = (stem = 'test'): string => `${stem}-${randomBytes(5).toString('hex')}`;

/** A running Kafka, as much of it as a test may touch that shares the brokers with other tests. */
export class KafkaHandle {
  readonly version: KafkaVersion;
  /** `host:port` of every node's plain listener. */
  readonly bootstrap: readonly string[];

  constructor(version: KafkaVersion, bootstrap: readonly string[]) {
    this.version = version;
    this.bootstrap = bootstrap;
  }

  /** `bootstrap` as other clients want it: one text, separated by commas. */
  get bootstrapText(): string {
    return this.bootstrap.join(',');
  }

  /** Ports of the plain listeners that can be asked now. */
  protected get ports(): readonly number[] {
    return this.bootstrap.map(address => Number(address.slice(address.lastIndexOf(':') + 1)));
  }

  /**
   * Creates a topic and gives its name, once every node knows a leader for each partition.
   * @throws Error with Kafka's error code when it is refused, or when a leader is missing after 30 s.
   */
  async createTopic({
    name = uniqueName(),
    partitions = 1,
    replicas = Math.min(this.bootstrap.length, 3),
    config = {},
  }: TopicOptions = {}): Promise<string> {
    const [first] = this.ports;
    if (first === undefined) throw new Error(`cannot create topic ${name}: no node is running`);
    await createTopics(first, releaseOf(this.version).createTopics, [{ name, partitions, replicas, config }]);
    await this.untilSeen(`leaders of ${name}`, async port => {
      const leaders = (await metadata(port, [name])).leaders.get(name) ?? [];
      return leaders.length === partitions && leaders.every(leader => leader >= 0);
    });
    return name;
  }

  /** Leader of each partition of `topic`, by partition number, as the first running node sees it; -1: none. */
  async leaders(topic: string): Promise<readonly number[]> {
    const [first] = this.ports;
    if (first === undefined) throw new Error(`cannot ask for the leaders of ${topic}: no node is running`);
    return (await metadata(first, [topic])).leaders.get(topic) ?? [];
  }

  /**
   * Runs a Java tool of this release to its end and gives its stdout: `tool('org.apache.kafka.tools.TopicCommand', ['--list', ...])`.
   * `--bootstrap-server` is not added, since the tools do not agree on it.
   * @throws Error with both outputs when it fails, or after `timeoutMs` (60,000).
   */
  async tool(
    mainClass: string,
    args: readonly string[] = [],
    { input, timeoutMs = 60_000 }: { input?: string; timeoutMs?: number } = {},
  ): Promise<string> {
    const java = await javaArguments(this.version, { heapMiB: 256, logLevel: 'WARN' });
    const { code, signal, stdout, stderr } = await run(javaCommand(), [...java, mainClass, ...args], { input, timeoutMs });
    if (code !== 0) throw new Error(`${mainClass} of Kafka ${this.version} ended with ${signal ?? `code ${code}`}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Starts a Java tool that goes on until it is stopped, such as VerifiableConsumer. It dies with this process at the latest. */
  async startTool(mainClass: string, args: readonly string[] = [], { input }: { input?: string } = {}): Promise<GuardedProcess> {
    const java = await javaArguments(this.version, { heapMiB: 256, logLevel: 'WARN' });
    return GuardedProcess.start(javaCommand(), [...java, mainClass, ...args], { input });
  }

  /** Waits until `seen` is true for every port that can be asked. */
  protected async untilSeen(what: string, seen: (port: number) => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
    await poll(`${what} on Kafka ${this.version}`, timeoutMs, async () => (await Promise.all(this.ports.map(seen))).every(Boolean));
  }
}

/** Asks `done` until it says yes; a failed question counts as no. @throws Error after `timeoutMs`, with the last failure as cause. */
export async function poll(what: string, timeoutMs: number, done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let cause: unknown; ; ) {
    try {
      if (await done()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not there after ${timeoutMs} ms`, { cause });
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
