/** Who holds records. */
export interface Holder {
  heldBytes: number;
}

/** A holder may have so many times what is free. */
const share = 3;

/**
 * The memory that a producer may fill with records. Each partition may hold three times what is left at most, so that no number of
 * partitions in trouble takes it all: the others always find room (a dynamic threshold, as switches share their buffers).
 */
export class Room {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** Whether there is room for one more record. The last one in may be larger than what is left. */
  admits(holder: Holder): boolean {
    return this.#freeBytes > 0 && holder.heldBytes <= share * this.#freeBytes;
  }

  take(holder: Holder, bytes: number): void {
    holder.heldBytes += bytes;
    this.#freeBytes -= bytes;
  }

  give(holder: Holder, bytes: number): void {
    holder.heldBytes -= bytes;
    this.#freeBytes += bytes;
  }
}
