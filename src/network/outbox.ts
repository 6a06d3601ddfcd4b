import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.js';
import type { Exchange } from './exchange.js';

/** What an outbox tells its connection. */
export interface OutboxEvents {
  /** It was handed to the socket just now. */
  sent(exchange: Exchange): void;
  /** A throttle is over. */
  released(): void;
}

/**
 * The requests of one connection that were not handed to its socket yet: in the order asked, those of a handshake before the others. They go
 * as soon as the socket takes them, unless the connection is parked or the broker throttles us.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #events: OutboxEvents;
  readonly #queue: Exchange[] = [];
  #socket: Socket | undefined;
  #corked = false;
  /** Only handshakes go. */
  #parked = false;
  #throttledUntil = 0;
  #throttleTimer: Timer | undefined;

  constructor(clock: Clock, events: OutboxEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get length(): number {
    return this.#queue.length;
  }

  get parked(): boolean {
    return this.#parked;
  }

  /** Whether the broker asked for silence, which is not over. */
  get throttled(): boolean {
    return this.#throttleTimer !== undefined;
  }

  /** Why what is in it did not go. */
  get obstacle(): string {
    if (this.throttled) return 'the broker throttles this client';
    return this.#parked ? 'the connection is being authenticated anew' : 'the socket did not take it';
  }

  /** What is in it goes by this socket, until {@link close}. */
  open(socket: Socket): void {
    this.#socket = socket;
    socket.on('drain', () => this.flush());
  }

  add(exchange: Exchange): void {
    if (exchange.question.handshake) this.#queue.unshift(exchange);
    else this.#queue.push(exchange);
    this.flush();
  }

  /** Takes one back, if it is still there. */
  remove(exchange: Exchange): void {
    const index = this.#queue.indexOf(exchange);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  /** From now on only handshakes go, until {@link unpark}. */
  park(): void {
    this.#parked = true;
  }

  unpark(): void {
    this.#parked = false;
    this.flush();
  }

  /** KIP-219: the broker asks for silence; nothing new is sent to it until then. */
  throttle(ms: number): void {
    const now = this.#clock.now();
    this.#throttledUntil = Math.max(this.#throttledUntil, now + ms);
    this.#throttleTimer?.cancel();
    this.#throttleTimer = this.#clock.after(this.#throttledUntil - now, () => {
      this.#throttleTimer = undefined;
      this.#events.released();
      this.flush();
    });
  }

  /** Nothing goes any more; gives what did not. */
  close(): readonly Exchange[] {
    this.#socket = undefined;
    this.#throttleTimer?.cancel();
    return this.#queue.splice(0);
  }

  /** Hands requests to the socket while it takes them. What is written in one turn of the loop leaves in one piece. */
  flush(): void {
    const socket = this.#socket;
    if (socket === undefined || this.throttled) return;
    while (!socket.writableNeedDrain) {
      const [exchange] = this.#queue;
      if (exchange === undefined || (this.#parked && !exchange.question.handshake)) return;
      this.#queue.shift();
      this.#cork(socket);
      exchange.send(socket);
      this.#events.sent(exchange);
    }
  }

  #cork(socket: Socket): void {
    if (this.#corked) return;
    this.#corked = true;
    socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      socket.uncork();
    });
  }
}
