/** Messages that a thread has in hand at this moment. */
export interface Held {
  /** Which of its hands, see {@link InHand.take}. */
  readonly hand: number;
  /** The share they are of. */
  readonly slot: number;
  readonly first: number;
  /** The same, unless a batch is worked on as a whole. */
  readonly last: number;
  /** Another number for each time something is taken into hand. */
  readonly turn: number;
}

/**
 * Memory that a thread and the main thread share: what the thread has in hand, and how far it is. It can be read while the thread is blocked,
 * and after it has died of what it had in hand. A thread has up to `concurrency` shares, and as many messages in hand.
 */
export class InHand {
  readonly buffer: SharedArrayBuffer;
  readonly #concurrency: number;
  /** Of each share whether it is to be given back; of each hand which share its messages are of, 1 and up, and its turn. */
  readonly #words: Int32Array;
  /** Of each hand its first and last offset; of each share what is done, and how many messages that are. */
  readonly #offsets: Float64Array;
  readonly #freeHands: number[];

  constructor(concurrency: number, buffer = new SharedArrayBuffer(concurrency * (4 * 8 + 4 * 4))) {
    this.buffer = buffer;
    this.#concurrency = concurrency;
    this.#offsets = new Float64Array(buffer, 0, 4 * concurrency);
    this.#words = new Int32Array(buffer, 4 * 8 * concurrency);
    this.#freeHands = Array.from({ length: concurrency }, (_, hand) => concurrency - 1 - hand);
  }

  /** A share is begun in this place, everything below `done` is done. By the main thread, before the thread is told. */
  begin(slot: number, done: number): void {
    Atomics.store(this.#words, slot, 0);
    this.#offsets[2 * this.#concurrency + slot] = done;
    this.#offsets[3 * this.#concurrency + slot] = 0;
  }

  /** Asks for the share back: the thread looks between two messages. By the main thread. */
  recall(slot: number): void {
    Atomics.store(this.#words, slot, 1);
  }

  isRecalled(slot: number): boolean {
    return Atomics.load(this.#words, slot) !== 0;
  }

  /** Takes messages into hand; gives the number to {@link put} them down by. By the thread. */
  take(slot: number, first: number, last: number): number {
    const hand = this.#freeHands.pop();
    if (hand === undefined) throw new Error(`a thread has more than ${this.#concurrency} messages in hand`);
    const concurrency = this.#concurrency;
    this.#offsets[hand] = first;
    this.#offsets[concurrency + hand] = last;
    Atomics.add(this.#words, 2 * concurrency + hand, 1);
    Atomics.store(this.#words, concurrency + hand, slot + 1);
    return hand;
  }

  put(hand: number): void {
    Atomics.store(this.#words, this.#concurrency + hand, 0);
    this.#freeHands.push(hand);
  }

  /** Everything below `offset` is done, `count` messages of the share in all. By the thread. */
  progress(slot: number, done: number, count: number): void {
    this.#offsets[3 * this.#concurrency + slot] = count;
    this.#offsets[2 * this.#concurrency + slot] = done;
  }

  done(slot: number): number {
    return this.#offsets[2 * this.#concurrency + slot] ?? 0;
  }

  count(slot: number): number {
    return this.#offsets[3 * this.#concurrency + slot] ?? 0;
  }

  /** What is in hand. By the main thread. */
  held(): readonly Held[] {
    const concurrency = this.#concurrency;
    const found: Held[] = [];
    for (let hand = 0; hand < concurrency; hand++) {
      const turn = Atomics.load(this.#words, 2 * concurrency + hand);
      const slot = Atomics.load(this.#words, concurrency + hand) - 1;
      const [first = 0, last = 0] = [this.#offsets[hand], this.#offsets[concurrency + hand]];
      if (slot >= 0 && turn === Atomics.load(this.#words, 2 * concurrency + hand)) found.push({ hand, slot, first, last, turn });
    }
    return found;
  }
}
