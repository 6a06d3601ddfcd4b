/** Who holds records. */
export interface Holder {
  heldBytes: number;
}

/** A holder may have so many times what is free. */
const share = 3;

/**
 * The memory that a producer may fill with records. Each partition may hold three times what is left at most, so that some partitions in
 * trouble do not take it all (a dynamic threshold, as switches share their buffers). One record of each finds room in any case: what many
 * partitions have left, one after the other, is next to nothing, and must not bring all others to a halt. So more than `bytes` is held by
 * at most one record, or as many values of one call as are one batch, for each partition: what went in last.
 */
export class Room {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** Whether there is room for one more record, or for values that are one batch. What comes in last may be larger than what is left. */
  admits({ heldBytes }: Holder): boolean {
    return heldBytes === 0 || (this.#freeBytes > 0 && heldBytes <= share * this.#freeBytes);
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
