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
 * and after it has died of what it had in hand. A thread has up to `concurrency` shares, and as many messages in hand; what a deserialiser makes of
 * each share is in hand too.
 */
export class InHand {
  readonly buffer: SharedArrayBuffer;
  readonly #concurrency: number;
  readonly #hands: number;
  /** Of each share whether it is to be given back; of each hand which share its messages are of, 1 and up, and its turn. */
  readonly #words: Int32Array;
  /** Of each hand its first and last offset; of each share what is done, and how many messages that are. */
  readonly #offsets: Float64Array;
  readonly #freeHands: number[];

  constructor(concurrency: number, buffer = new SharedArrayBuffer(concurrency * (6 * 8 + 5 * 4))) {
    this.buffer = buffer;
    this.#concurrency = concurrency;
    this.#hands = 2 * concurrency;
    this.#offsets = new Float64Array(buffer, 0, 6 * concurrency);
    this.#words = new Int32Array(buffer, 6 * 8 * concurrency);
    this.#freeHands = Array.from({ length: this.#hands }, (_, hand) => this.#hands - 1 - hand);
  }

  /** A share is begun in this place, everything below `done` is done. By the main thread, before the thread is told. */
  begin(slot: number, done: number): void {
    Atomics.store(this.#words, slot, 0);
    this.#offsets[2 * this.#hands + slot] = done;
    this.#offsets[2 * this.#hands + this.#concurrency + slot] = 0;
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
    const hands = this.#hands;
    if (hand === undefined) throw new Error(`a thread has more than ${hands} messages in hand`);
    this.#offsets[hand] = first;
    this.#offsets[hands + hand] = last;
    Atomics.add(this.#words, this.#turnAt(hand), 1);
    Atomics.store(this.#words, this.#concurrency + hand, slot + 1);
    return hand;
  }

  put(hand: number): void {
    Atomics.store(this.#words, this.#concurrency + hand, 0);
    this.#freeHands.push(hand);
  }

  /** Everything below `offset` is done, `count` messages of the share in all. By the thread. */
  progress(slot: number, done: number, count: number): void {
    this.#offsets[2 * this.#hands + this.#concurrency + slot] = count;
    this.#offsets[2 * this.#hands + slot] = done;
  }

  done(slot: number): number {
    return this.#offsets[2 * this.#hands + slot] ?? 0;
  }

  count(slot: number): number {
    return this.#offsets[2 * this.#hands + this.#concurrency + slot] ?? 0;
  }

  /** What is in hand. By the main thread. */
  held(): readonly Held[] {
    const hands = this.#hands;
    const found: Held[] = [];
    for (let hand = 0; hand < hands; hand++) {
      const turn = Atomics.load(this.#words, this.#turnAt(hand));
      const slot = Atomics.load(this.#words, this.#concurrency + hand) - 1;
      const [first = 0, last = 0] = [this.#offsets[hand], this.#offsets[hands + hand]];
      if (slot >= 0 && turn === Atomics.load(this.#words, this.#turnAt(hand))) found.push({ hand, slot, first, last, turn });
    }
    return found;
  }

  #turnAt(hand: number): number {
    return this.#concurrency + this.#hands + hand;
  }
}
