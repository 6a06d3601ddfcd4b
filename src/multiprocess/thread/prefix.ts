import type { Result } from '../thread-messages.js';

/** A message that was begun. */
export interface Begun {
  readonly offset: number;
  finished: boolean;
  result: Result | undefined;
}

/** Which messages of a share are done, in whatever order they came to be: the part without holes counts. */
export class Prefix {
  readonly #begun: Begun[] = [];
  #head = 0;
  #done: number;
  #next: number;
  #count = 0;
  readonly #passed: (results: readonly Result[]) => void;

  /** @param passed Told of the results of messages, in order, once there is no hole before them. */
  constructor(from: number, passed: (results: readonly Result[]) => void) {
    this.#done = from;
    this.#next = from;
    this.#passed = passed;
  }

  /** Everything below is done. */
  get done(): number {
    return this.#done;
  }

  /** How many messages became done. */
  get count(): number {
    return this.#count;
  }

  /** Whether nothing is begun that is not done. */
  get isWhole(): boolean {
    return this.#head === this.#begun.length;
  }

  /** Done, above a hole. */
  get finished(): readonly number[] {
    return this.#begun.slice(this.#head).flatMap(({ offset, finished }) => (finished ? [offset] : []));
  }

  /** A message is begun, the next above all before it: there is nothing in between. */
  begin(offset: number): Begun {
    const begun = { offset, finished: false, result: undefined };
    this.#begun.push(begun);
    this.#next = offset + 1;
    return begun;
  }

  /** The next message, begun and finished in one, where nothing else is begun: this is the way of most. */
  pass(offset: number): void {
    this.passTo(offset + 1, 1);
  }

  /** As {@link pass}, `count` messages below `offset`. */
  passTo(offset: number, count: number): void {
    this.#next = offset;
    this.#done = offset;
    this.#count += count;
  }

  finish(begun: Begun, result?: Result): void {
    if (begun.finished) return;
    begun.finished = true;
    begun.result = result;
    this.#advance();
  }

  /** There is nothing more below `offset`. */
  reach(offset: number): void {
    this.#next = Math.max(this.#next, offset);
    if (this.isWhole) this.#done = this.#next;
  }

  #advance(): void {
    const results: Result[] = [];
    for (let begun = this.#begun[this.#head]; begun?.finished === true; begun = this.#begun[this.#head]) {
      if (begun.result !== undefined) results.push(begun.result);
      this.#head += 1;
      this.#count += 1;
    }
    if (this.isWhole) {
      this.#done = this.#next;
      this.#begun.length = 0;
      this.#head = 0;
    } else this.#done = this.#begun[this.#head]?.offset ?? this.#done;
    if (results.length > 0) this.#passed(results);
  }
}
