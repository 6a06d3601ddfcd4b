import { BatchBuilder } from '../records/index.js';

/** Batches that take less than this part of a block do not get one. */
const leastShare = 0.5;
/** So many bytes of unused blocks are kept at most. */
const keptBytes = 4 * 1024 * 1024;
/** A builder whose memory grew beyond so many full batches is not kept. */
const keptBatches = 4;
/** So many unused builders are kept at most: those of partitions that collect nothing just now. */
const keptBuilders = 16;

/**
 * Memory for batches: of those that are sealed, and of what collects the next ones, which a partition has only as long as it does. What batches leave behind is given out again: fresh memory for each costs a page fault for every 4 KiB, and
 * a full garbage collection every few hundred batches, which is half of what a record of 1 KiB costs otherwise (`npm run bench -- produce`).
 */
export class BatchMemory {
  readonly #blockBytes: number;
  readonly #free: ArrayBufferLike[] = [];
  readonly #builders: BatchBuilder[] = [];

  /** @param blockBytes What a full batch takes. */
  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  /** Memory of exactly this length, with anything in it. */
  take(bytes: number): Buffer {
    if (bytes > this.#blockBytes || bytes < this.#blockBytes * leastShare) return Buffer.allocUnsafeSlow(bytes);
    return Buffer.from(this.#free.pop() ?? new ArrayBuffer(this.#blockBytes), 0, bytes);
  }

  /** One that has collected nothing. */
  builder(): BatchBuilder {
    return this.#builders.pop() ?? new BatchBuilder(undefined, bytes => this.take(bytes));
  }

  /** What `builder` has collected, so many bytes, is sealed: it may collect for another partition. */
  spare(builder: BatchBuilder, collectedBytes: number): void {
    if (collectedBytes <= keptBatches * this.#blockBytes && this.#builders.length < keptBuilders) this.#builders.push(builder);
  }

  /** Nobody looks into `batch` any more, nor writes it to a socket. */
  giveBack({ buffer }: Buffer): void {
    if (buffer.byteLength !== this.#blockBytes || (this.#free.length + 1) * this.#blockBytes > keptBytes) return;
    this.#free.push(buffer);
  }
}
