import { appendFileSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './class-path.js';
import { KafkaHandle, poll } from './handle.js';
import { javaArguments, javaCommand } from './java.js';
import { KafkaNode } from './node.js';
import { freePorts } from './ports.js';
import { GuardedProcess, run } from './process.js';
import * as settings from './properties.js';
import { DEFAULT_VERSION, type KafkaVersion, releaseOf } from './versions.js';
import { apiVersions, metadata } from './wire.js';

/** A user of SCRAM that exists from the first start on. */
export interface ScramUser {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly name: string;
  readonly password: string;
}

/** What kind of cluster to start. */
export interface ClusterOptions {
  /** Default 4.1.2. */
  readonly version?: KafkaVersion | undefined;
  /** Default 1. Releases with ZooKeeper have one. */
  readonly nodes?: number | undefined;
  /** Broker settings that win over the harness's own, by Kafka's names. */
  readonly properties?: settings.Properties | undefined;
  /** The rack of each node, the first first. */
  readonly racks?: readonly string[] | undefined;
  /** Listeners next to the plain one, each on a port of its own: `{ SASLPT: 'SASL_PLAINTEXT' }`. */
  readonly listeners?: Readonly<Record<string, settings.SecurityProtocol>> | undefined;
  /** Ports that clients of a listener are told instead of the brokers' own, one per node: those of proxies. */
  readonly advertisedPorts?: Readonly<Record<string, readonly number[]>> | undefined;
  /** KRaft only. */
  readonly scramUsers?: readonly ScramUser[] | undefined;
  /** Where its files go. Default: the system's temporary directory. */
  readonly directory?: string | undefined;
}

/** The environment variable that names a file where every start is noted, for the summary of a run. */
export const STARTS_VARIABLE = 'TIDEMARK_KAFKA_STARTS';

const DIRECTORY = /^tidemark-kafka-(\d+)-/;
const START_TIMEOUT_MS = 120_000;

/** Apache Kafka in processes of its own, on loopback only. They die with this process, whatever ends it. */
export class KafkaCluster extends KafkaHandle implements AsyncDisposable {
  readonly nodes: readonly KafkaNode[];
  /** Where its settings, logs and data are. */
  readonly directory: string;
  readonly #addresses: readonly settings.NodeAddress[];
  readonly #options: ClusterOptions;
  #zookeeper: GuardedProcess | undefined;
  #closing: Promise<string | undefined> | undefined;

  private constructor(options: ClusterOptions, addresses: readonly settings.NodeAddress[], directory: string) {
    super(
      options.version ?? DEFAULT_VERSION,
      addresses.map(({ port }) => `127.0.0.1:${port}`),
    );
    this.#options = options;
    this.#addresses = addresses;
    this.directory = directory;
    this.nodes = addresses.map(
      ({ id, port }) =>
        new KafkaNode(id, port, this.#path(`node-${id}.log`), {
          launch: () => this.#java(`node-${id}`, 'kafka.Kafka', 512),
          untilReady: () => this.untilReady(),
        }),
    );
  }

  /**
   * Starts a cluster and waits until every node answers and lists every other.
   * @throws Error with the end of the log and the place of all logs when a node ends or is not up after two minutes.
   */
  static async start(options: ClusterOptions = {}): Promise<KafkaCluster> {
    const { version = DEFAULT_VERSION, nodes = 1, directory = tmpdir() } = options;
    if (nodes > 1 && releaseOf(version).metadata === 'zookeeper')
      throw new Error(`Kafka ${version} can have one node only here, not ${nodes}`);
    sweep(directory);
    const began = performance.now();
    for (let attempt = 1; ; attempt++) {
      const cluster = new KafkaCluster(
        options,
        await allocate(nodes, options),
        mkdtempSync(join(directory, `tidemark-kafka-${process.pid}-`)),
      );
      try {
        await cluster.#boot();
        note({ version, nodes, ms: Math.round(performance.now() - began) });
        return cluster;
      } catch (error) {
        const tail = cluster.#failedLog().trimEnd().split('\n').slice(-15).join('\n');
        const clash = /Address already in use|BindException/.test(tail);
        const again = clash && attempt < 3;
        const kept = await cluster.close({ keepLogs: !again });
        if (!again) throw new Error(`Kafka ${version} did not start; logs are in ${kept}\n${tail}`, { cause: error });
      }
    }
  }

  /** `host:port` of every node for clients of a further listener. */
  bootstrapOf(listener: string): string[] {
    return this.#addresses.map(({ id, listeners }) => {
      const found = listeners.find(({ name }) => name === listener);
      if (!found) throw new Error(`node ${id} has no listener ${listener}`);
      return `127.0.0.1:${found.port}`;
    });
  }

  /** What node `index` (from 0) has logged. */
  logs(index: number): string {
    return this.nodes[index]?.logs() ?? '';
  }

  /** Waits until every node that runs and is not paused answers and lists all of them. @throws Error when one has ended meanwhile. */
  async untilReady(timeoutMs = START_TIMEOUT_MS): Promise<void> {
    const expected = this.nodes.filter(node => node.running);
    let ended: KafkaNode | undefined;
    await poll(`a ready Kafka ${this.version}`, timeoutMs, async () => {
      ended = expected.find(node => !node.running);
      return ended !== undefined || (await this.#allListed());
    });
    if (ended) throw new Error(`node ${ended.id} ended before it was ready`);
  }

  /** Kills what runs and removes all files. With `keepLogs` the logs stay, and their directory is given. */
  close({ keepLogs = false }: { keepLogs?: boolean } = {}): Promise<string | undefined> {
    return (this.#closing ??= this.#end(keepLogs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => {});
  }

  protected override get ports(): readonly number[] {
    return this.#awake().map(node => node.port);
  }

  async #allListed(): Promise<boolean> {
    const awake = this.#awake();
    const views = await Promise.all(
      awake.map(async ({ port }) => {
        await apiVersions(port);
        return metadata(port);
      }),
    );
    return views.every(({ brokers }) => awake.every(node => brokers.some(({ id }) => id === node.id)));
  }

  #awake(): KafkaNode[] {
    return this.nodes.filter(node => node.running && !node.paused);
  }

  async #boot(): Promise<void> {
    const kraft = releaseOf(this.version).metadata === 'kraft';
    for (const address of this.#addresses) this.#writeProperties(address, kraft);
    if (kraft) await this.#format();
    else this.#zookeeper = await this.#java('zookeeper', 'org.apache.zookeeper.server.quorum.QuorumPeerMain', 128);
    await Promise.all(this.nodes.map(node => node.launch()));
    await this.untilReady();
  }

  #writeProperties(address: settings.NodeAddress, kraft: boolean): void {
    const data = this.#path(`data-${address.id}`);
    const own = kraft ? settings.kraftProperties(address, this.#addresses, data) : settings.zookeeperBrokerProperties(address, data);
    const rack = this.#options.racks?.[address.id - 1];
    this.#write(`node-${address.id}.properties`, { ...own, ...(rack && { 'broker.rack': rack }), ...this.#options.properties });
    if (!kraft) this.#write('zookeeper.properties', settings.zookeeperProperties(address.metadataPort, this.#path('data-zookeeper')));
  }

  async #format(): Promise<void> {
    const java = await javaArguments(this.version, { heapMiB: 128, logLevel: 'WARN' });
    const users = (this.#options.scramUsers ?? []).flatMap(({ mechanism, name, password }) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]);
    await Promise.all(
      this.nodes.map(async ({ id }) => {
        const args = [
          'kafka.tools.StorageTool',
          'format',
          '-t',
          '4L6g3nShT-eMCtK--X86sw',
          '-c',
          this.#path(`node-${id}.properties`),
          ...users,
        ];
        const { code, stdout, stderr } = await run(javaCommand(), [...java, ...args]);
        appendFileSync(this.#path(`node-${id}.log`), stdout + stderr);
        if (code !== 0) throw new Error(`formatting the storage of node ${id} ended with code ${code}`);
      }),
    );
  }

  /** Starts `mainClass` on `<name>.properties`, logging to `<name>.log`. */
  async #java(name: string, mainClass: string, heapMiB: number): Promise<GuardedProcess> {
    const java = await javaArguments(this.version, { heapMiB, logLevel: 'INFO' });
    return GuardedProcess.start(javaCommand(), [...java, mainClass, this.#path(`${name}.properties`)], {
      log: this.#path(`${name}.log`),
      cwd: this.directory,
    });
  }

  #failedLog(): string {
    return (this.nodes.find(node => !node.running) ?? this.nodes[0])?.logs() ?? '';
  }

  async #end(keepLogs: boolean): Promise<string | undefined> {
    await Promise.all(this.nodes.map(node => node.kill()));
    await this.#zookeeper?.kill();
    if (!keepLogs) {
      rmSync(this.directory, { recursive: true, force: true });
      return undefined;
    }
    for (const name of readdirSync(this.directory))
      if (name.startsWith('data-')) rmSync(this.#path(name), { recursive: true, force: true });
    const kept = this.directory.replace(/tidemark-kafka-\d+-([^/]*)$/, 'tidemark-kafka-logs-$1');
    renameSync(this.directory, kept);
    return kept;
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #write(name: string, properties: settings.Properties): void {
    writeFileSync(this.#path(name), settings.formatProperties(properties));
  }
}

async function allocate(nodes: number, { listeners = {}, advertisedPorts = {} }: ClusterOptions): Promise<settings.NodeAddress[]> {
  const names = Object.entries(listeners);
  return Promise.all(
    Array.from({ length: nodes }, async (_, index) => {
      const [port = 0, metadataPort = 0, ...more] = await freePorts(2 + names.length);
      return {
        id: index + 1,
        port,
        metadataPort,
        listeners: names.map(([name, protocol], at) => ({
          name,
          protocol,
          port: more[at] ?? 0,
          advertisedPort: advertisedPorts[name]?.[index] ?? more[at] ?? 0,
        })),
      };
    }),
  );
}

/** Removes what processes left behind that were killed before they could clean up. */
function sweep(directory: string): void {
  for (const name of readdirSync(directory)) {
    const owner = DIRECTORY.exec(name)?.[1];
    const path = join(directory, name);
    if (owner && !isAlive(Number(owner)) && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { recursive: true, force: true });
  }
}

function note(start: { version: KafkaVersion; nodes: number; ms: number }): void {
  const file = process.env[STARTS_VARIABLE];
  if (file) appendFileSync(file, `${JSON.stringify(start)}\n`);
}
