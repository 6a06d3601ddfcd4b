import { connect, type Socket } from 'node:net';
import { type Deferred, deferred } from '../../src/base/wait.js';
import {
  type Api,
  decodeResponseBody,
  encodeRequestFrame,
  type RequestOf,
  type ResponseOf,
  readCorrelationId,
} from '../../src/protocol/index.js';

/** One connection that speaks the protocol and nothing else: no retries, no routing, no time-outs. */
export class RawClient {
  readonly #socket: Socket;
  readonly #frames: Buffer[] = [];
  readonly #waiting: Deferred<Buffer>[] = [];
  readonly #closed = deferred();
  #bytes: Buffer = Buffer.alloc(0);
  #correlationId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', chunk => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed.resolve();
      for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error('the connection was closed'));
    });
  }

  /** @param address `host:port`. */
  static async connect(address: string): Promise<RawClient> {
    const [host, port] = address.split(':');
    const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  /** Resolves when the other side, or this one, has closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Sends without waiting; gives the correlation id. */
  send<A extends Api>(api: A, version: number, body: RequestOf<A>, clientId = 'raw'): number {
    const correlationId = ++this.#correlationId;
    this.write(Buffer.concat(encodeRequestFrame(api, version, correlationId, clientId, body).chunks));
    return correlationId;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next answer as it came, without its length. Rejects when the connection is closed first. */
  frame(): Promise<Buffer> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    const waiting = deferred<Buffer>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Sends and gives the next answer. */
  async request<A extends Api>(api: A, version: number, body: RequestOf<A>, clientId?: string): Promise<ResponseOf<A>> {
    const correlationId = this.send(api, version, body, clientId);
    const frame = await this.frame();
    const answered = readCorrelationId(frame);
    if (answered !== correlationId) throw new Error(`an answer to request ${answered}, expected ${correlationId}`);
    return decodeResponseBody(api, version, frame);
  }

  /** Takes no more bytes from the socket until {@link resume}. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 4) {
      const end = 4 + this.#bytes.readInt32BE(0);
      if (this.#bytes.length < end) return;
      const frame = this.#bytes.subarray(4, end);
      this.#bytes = this.#bytes.subarray(end);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#frames.push(frame);
      else waiting.resolve(frame);
    }
  }
}
