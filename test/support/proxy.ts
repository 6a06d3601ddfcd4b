import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Which way bytes go. */
export type Direction = 'to-server' | 'to-client';

/** Sees each chunk that passes; what it gives goes on instead, nothing given leaves the chunk as it is. It may take its time. */
export type ChunkHook = (
  chunk: Buffer,
  about: { direction: Direction; connection: number },
) => Buffer | undefined | Promise<Buffer | undefined>;

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy on loopback that damages connections on command. All commands hold for present and later connections. */
export class ChaosProxy implements AsyncDisposable {
  /** Where it forwards to, on 127.0.0.1. May change: later connections go to the new port. */
  targetPort: number;
  /** Unset: bytes pass untouched. An empty Buffer from it drops the chunk. */
  onChunk: ChunkHook | undefined;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #budget = new Map<Direction, { left: number; spent: () => void }>();
  #accepted = 0;
  #refusing = false;
  #sliceBytes = Number.POSITIVE_INFINITY;
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.targetPort = targetPort;
    server.on('connection', client => this.#link(client));
  }

  /** Starts one on a free port. Without a target it refuses until `targetPort` is set. */
  static async start(targetPort = 0): Promise<ChaosProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ChaosProxy(server, targetPort);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  /** `host:port` for clients. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }
  /** Connections open now. */
  get connections(): number {
    return this.#links.size;
  }
  /** Connections accepted since the start, refused ones too. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Resets every connection (RST, both sides). */
  cut(): void {
    for (const link of this.#links) this.#reset(link);
  }

  /** Resets new connections at once, until {@link restore}. Present ones go on. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Lets nothing through and answers nothing, as a network that lost its route: connections stay open. */
  blackhole(): void {
    let open = (): void => {};
    this.#gate ??= {
      opened: new Promise<void>(resolve => {
        open = resolve;
      }),
      open: () => open(),
    };
  }

  /** Cuts everything after `count` more bytes in one direction, all connections together. Resolves at the cut. */
  limitBytes(count: number, direction: Direction = 'to-client'): Promise<void> {
    return new Promise(resolve => this.#budget.set(direction, { left: count, spent: resolve }));
  }

  /** Hands on at most `count` bytes at a time. */
  slice(count: number): void {
    this.#sliceBytes = count;
  }

  /** Ends every command above; what a black hole held back goes on. */
  restore(): void {
    this.#refusing = false;
    this.#sliceBytes = Number.POSITIVE_INFINITY;
    this.#budget.clear();
    this.onChunk = undefined;
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** Cuts everything and listens no more. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    this.cut();
    this.restore();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #link(client: Socket): void {
    const connection = ++this.#accepted;
    client.on('error', () => {}); // every end of a link is handled by its 'close'
    if (this.#refusing || this.targetPort === 0) return void client.resetAndDestroy();
    const server = connect({ port: this.targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    server.on('error', () => {});
    const link = { client, server };
    this.#links.add(link);
    for (const socket of [client, server])
      socket.once('close', failed => (failed || !this.#isDone(link) ? this.#reset(link) : this.#links.delete(link)));
    this.#pump(client, server, { direction: 'to-server', connection }).catch(() => this.#reset(link));
    this.#pump(server, client, { direction: 'to-client', connection }).catch(() => this.#reset(link));
  }

  async #pump(from: Socket, to: Socket, about: { direction: Direction; connection: number }): Promise<void> {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      await this.#gate?.opened;
      let left: Buffer = (await this.onChunk?.(chunk, about)) ?? chunk;
      while (left.length > 0) {
        const budget = this.#budget.get(about.direction);
        const piece = left.subarray(0, Math.min(this.#sliceBytes, budget?.left ?? left.length));
        left = left.subarray(piece.length);
        if (piece.length > 0 && !to.write(piece)) await once(to, 'drain');
        if (budget && (budget.left -= piece.length) <= 0) return this.#spend(about.direction, budget.spent);
        if (left.length > 0) await nextTurn(); // so that pieces leave one by one
      }
    }
    await this.#gate?.opened;
    to.end();
  }

  #spend(direction: Direction, spent: () => void): void {
    this.#budget.delete(direction);
    setImmediate(() => {
      this.cut();
      spent();
    }); // the last bytes leave before the reset
  }

  #isDone({ client, server }: Link): boolean {
    return client.readableEnded && server.readableEnded;
  }

  #reset(link: Link): void {
    this.#links.delete(link);
    for (const socket of [link.client, link.server]) {
      // libuv refuses to reset what is shutting down, and then never closes it: its loop spins.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }
}
