/** The last epoch that is known up to some epoch, and where it ended. */
export interface EpochEnd {
  readonly epoch: number;
  /** The offset behind its last record. */
  readonly endOffset: number;
}

/** Where the epoch of a leader began in the log. */
interface EpochStart {
  readonly epoch: number;
  readonly startOffset: number;
}

/** Where the epochs of one partition's leaders began in its log, as each broker remembers it (KIP-101, KIP-279). */
export class LeaderEpochs {
  /** Both numbers grow. */
  #starts: EpochStart[] = [];

  /** A leader begins at the end of the log. An epoch in which nothing was written leaves no trace. */
  begin(epoch: number, startOffset: number): void {
    this.truncate(startOffset);
    this.#starts.push({ epoch, startOffset });
  }

  /** Where the last epoch up to `epoch` ended; undefined when `epoch` is newer than all, or none. */
  endOf(epoch: number, logEndOffset: number): EpochEnd | undefined {
    if (epoch < 0) return undefined;
    const next = this.#starts.findIndex(start => start.epoch > epoch);
    const last = this.#starts[(next < 0 ? this.#starts.length : next) - 1];
    const after = this.#starts[next];
    if (after !== undefined) return { epoch: last?.epoch ?? epoch, endOffset: after.startOffset };
    return last?.epoch === epoch ? { epoch, endOffset: logEndOffset } : undefined;
  }

  /** The log ends at `endOffset` now. */
  truncate(endOffset: number): void {
    while ((this.#starts.at(-1)?.startOffset ?? -1) >= endOffset) this.#starts.pop();
  }

  /** The log starts at `startOffset` now. */
  trim(startOffset: number): void {
    while ((this.#starts[1]?.startOffset ?? Number.POSITIVE_INFINITY) <= startOffset) this.#starts.shift();
    const [first] = this.#starts;
    if (first !== undefined && first.startOffset < startOffset) this.#starts[0] = { epoch: first.epoch, startOffset };
  }
}
