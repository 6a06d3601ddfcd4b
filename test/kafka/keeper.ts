import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KafkaCluster } from './cluster.js';
import { isKafkaVersion, type KafkaVersion } from './versions.js';

/** The environment variable that tells test files where the keeper of a run listens. */
export const KEEPER_VARIABLE = 'TIDEMARK_KAFKA_KEEPER';

interface Wish {
  readonly version: KafkaVersion;
  readonly nodes: number;
}

type Answer = { readonly bootstrap: readonly string[] } | { readonly error: string };

/**
 * Holds the brokers that all test files of a run share. Each kind starts at its first ask, and all who ask share the start.
 * It speaks JSON lines on a Unix socket: a {@link Wish}, then an {@link Answer}.
 */
export class BrokerKeeper {
  /** Path of its socket, for {@link KEEPER_VARIABLE}. */
  readonly address: string;
  readonly #server: Server;
  readonly #directory: string;
  readonly #clusters = new Map<string, Promise<KafkaCluster>>();
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, directory: string, address: string) {
    this.#server = server;
    this.#directory = directory;
    this.address = address;
    server.on('connection', socket => this.#serve(socket));
  }

  static async start(): Promise<BrokerKeeper> {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-keeper-'));
    const address = join(directory, 'socket');
    const server = createServer().listen(address);
    await once(server, 'listening');
    return new BrokerKeeper(server, directory, address);
  }

  /** Ends all brokers. With `keepLogs` their logs stay, and the directories are given. */
  async close({ keepLogs = false }: { keepLogs?: boolean } = {}): Promise<string[]> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    const started = await Promise.allSettled(this.#clusters.values());
    const closed = await Promise.all(started.map(start => (start.status === 'fulfilled' ? start.value.close({ keepLogs }) : undefined)));
    rmSync(this.#directory, { recursive: true, force: true });
    return closed.filter(path => path !== undefined);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket)); // whoever asked has gone
    createInterface({ input: socket }).on('line', async line => {
      const answer: Answer = await this.#grant(line).catch(error => ({ error: String(error) }));
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  }

  async #grant(line: string): Promise<Answer> {
    const { version, nodes } = parseWish(line);
    const kind = `${version} x ${nodes}`;
    const cluster = this.#clusters.get(kind) ?? KafkaCluster.start({ version, nodes });
    this.#clusters.set(kind, cluster);
    return { bootstrap: (await cluster).bootstrap };
  }
}

/** Asks the keeper at `address` for shared brokers, and gives their addresses. @throws Error when they did not start. */
export async function askKeeper(address: string, wish: Wish): Promise<readonly string[]> {
  const socket = connect(address);
  try {
    socket.write(`${JSON.stringify(wish)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer: Answer = JSON.parse(line);
      if ('error' in answer) throw new Error(answer.error);
      return answer.bootstrap;
    }
    throw new Error('the keeper of the shared brokers closed without an answer');
  } finally {
    socket.destroy();
  }
}

function parseWish(line: string): Wish {
  const { version, nodes }: { version?: unknown; nodes?: unknown } = JSON.parse(line);
  if (!isKafkaVersion(version) || typeof nodes !== 'number') throw new Error(`not a kind of Kafka: ${line}`);
  return { version, nodes };
}
