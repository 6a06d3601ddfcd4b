import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:net';
import { StateError } from '../base/errors.js';
import type { ServerConnection } from './server-connection.js';

export const HOST = '127.0.0.1';

/** One broker's listener and the connections it has. It can be stopped and started again on the same port. */
export class BrokerServer {
  readonly id: number;
  readonly #connect: (socket: Socket) => ServerConnection;
  readonly #connections = new Set<ServerConnection>();
  #server: Server | undefined;
  #port: number;

  /** @param port 0: any free one, which then is kept. */
  constructor(id: number, port: number, connect: (socket: Socket) => ServerConnection) {
    this.id = id;
    this.#port = port;
    this.#connect = connect;
  }

  /** 0 before the first {@link listen}, unless one was asked for. */
  get port(): number {
    return this.#port;
  }

  /** @throws StateError `TIDE_STATE` when it listens already; Node's error when the port is taken. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) throw new StateError('TIDE_STATE', `broker ${this.id} is running`);
    const server = createServer(socket => {
      const connection = this.#connect(socket);
      this.#connections.add(connection);
      socket.on('close', () => this.#connections.delete(connection));
    });
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(this.#port, HOST, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** Closes the listener and every connection. Resolves when the port is free; at once when it is stopped already. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }
}
