import type { Socket } from 'node:net';
import { RequestFrames } from './request-frames.js';

/** A request that waits to be handled; it is read and remembered already. */
export interface Arrival {
  /** Applies the request. Never rejects. */
  handle(): Promise<Reply>;
}

/** What goes back for one request, in its turn. */
export interface Reply {
  /** The frame; undefined for no answer. */
  readonly chunks: readonly Uint8Array[] | undefined;
  /** The frame goes when this settles. */
  readonly after?: Promise<void> | undefined;
  /** So many bytes of it go before that. Default 0. */
  readonly before?: number | undefined;
  /** The connection is closed behind it. */
  readonly close: boolean;
}

/** Reads one request. What it throws closes the connection. */
export type Receiving = (frame: Buffer, connection: ServerConnection) => Arrival;

/** Requests that may wait for their turn before no more are read. */
const MAX_WAITING = 1000;

/**
 * One client's connection. As in Kafka, requests are handled one after the other and answered in the order they came: what waits holds up
 * those behind it. Nothing is read while the client does not take its answers.
 */
export class ServerConnection {
  /** Counted from 1 in the order a cluster's connections were opened. */
  readonly id: number;
  readonly #socket: Socket;
  readonly #receive: Receiving;
  readonly #failed: (error: unknown) => void;
  readonly #closing = new AbortController();
  readonly #arrivals: Arrival[] = [];
  readonly #replies: Reply[] = [];
  #handling = false;
  #answering = false;

  /** @param failed Is told what a request was refused for when its bytes cannot be believed. */
  constructor(id: number, socket: Socket, receive: Receiving, failed: (error: unknown) => void) {
    this.id = id;
    this.#socket = socket;
    this.#receive = receive;
    this.#failed = failed;
    const frames = new RequestFrames(frame => this.#arrive(frame));
    socket.setNoDelay(true);
    socket.on('data', chunk => {
      try {
        frames.push(chunk);
      } catch (error) {
        this.#failed(error);
        this.destroy();
      }
    });
    socket.on('drain', () => this.#readMoreOrLess());
    socket.on('error', () => {}); // 'close' follows; a client that resets its connection is no news
    socket.on('close', () => this.#closing.abort());
  }

  /** Aborted when the connection is closed, by whichever side. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Closes at once; answers not yet written are lost. */
  destroy(): void {
    this.#closing.abort();
    this.#socket.destroy();
  }

  #arrive(frame: Buffer): void {
    if (this.closed.aborted) return;
    this.#arrivals.push(this.#receive(frame, this));
    this.#readMoreOrLess();
    if (!this.#handling) void this.#handle(); // ends by itself, and never rejects
  }

  async #handle(): Promise<void> {
    this.#handling = true;
    for (let next = this.#arrivals.shift(); next !== undefined; next = this.#arrivals.shift()) {
      if (this.closed.aborted) break;
      this.#replies.push(await next.handle());
      if (!this.#answering) void this.#answer();
    }
    this.#handling = false;
  }

  async #answer(): Promise<void> {
    this.#answering = true;
    for (let reply = this.#replies.shift(); reply !== undefined; reply = this.#replies.shift()) {
      const { after, before = 0 } = reply;
      const chunks = before === 0 || reply.chunks === undefined ? reply.chunks : [this.#writeSome(Buffer.concat(reply.chunks), before)];
      if (after !== undefined) await after;
      if (this.closed.aborted) break;
      if (chunks !== undefined) this.#write(chunks);
      if (reply.close) {
        this.#closing.abort();
        this.#socket.destroySoon();
        break;
      }
      this.#readMoreOrLess();
    }
    this.#answering = false;
  }

  /** Gives the rest. */
  #writeSome(frame: Buffer, bytes: number): Buffer {
    this.#socket.write(frame.subarray(0, bytes));
    return frame.subarray(bytes);
  }

  #write(chunks: readonly Uint8Array[]): void {
    const [only] = chunks;
    if (chunks.length === 1 && only !== undefined) {
      this.#socket.write(only);
      return;
    }
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  #readMoreOrLess(): void {
    const full = this.#socket.writableNeedDrain || this.#arrivals.length + this.#replies.length >= MAX_WAITING;
    if (full) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }
}
