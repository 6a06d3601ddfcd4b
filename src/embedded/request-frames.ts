import { ProtocolError } from '../base/errors.js';

/** Kafka's `socket.request.max.bytes`: a longer request is not read at all. */
export const MAX_REQUEST_BYTES = 104_857_600;

/** The shortest header: key, version, correlation id. */
const MIN_REQUEST_BYTES = 8;

const NOTHING = Buffer.alloc(0);

/** Cuts what a client sends into requests: four bytes of length, then that many bytes. Each request is delivered without its length. */
export class RequestFrames {
  readonly #deliver: (frame: Buffer) => void;
  /** Up to three bytes of a length that is not complete. */
  #prefix: Buffer = NOTHING;
  /** A request that began in an earlier chunk. */
  #open: Buffer | undefined;
  #filled = 0;

  constructor(deliver: (frame: Buffer) => void) {
    this.#deliver = deliver;
  }

  /**
   * Takes the next bytes, which must not change afterwards: requests that lie in them whole are views of them.
   * @throws ProtocolError for a length no client of Kafka sends, before memory is taken for it.
   */
  push(chunk: Buffer): void {
    let at = 0;
    if (this.#open !== undefined) {
      at = chunk.copy(this.#open, this.#filled);
      this.#filled += at;
      if (this.#filled < this.#open.length) return;
      const frame = this.#open;
      this.#open = undefined;
      this.#deliver(frame);
    } else if (this.#prefix.length > 0) {
      chunk = Buffer.concat([this.#prefix, chunk]);
      this.#prefix = NOTHING;
    }
    while (chunk.length - at >= 4) {
      const length = checkedLength(chunk.readInt32BE(at));
      at += 4;
      if (chunk.length - at < length) {
        this.#open = Buffer.allocUnsafeSlow(length);
        this.#filled = chunk.copy(this.#open, 0, at);
        return;
      }
      this.#deliver(chunk.subarray(at, at + length));
      at += length;
    }
    this.#prefix = chunk.subarray(at);
  }
}

function checkedLength(length: number): number {
  if (length >= MIN_REQUEST_BYTES && length <= MAX_REQUEST_BYTES) return length;
  throw new ProtocolError(`a request declares ${length} bytes, expected ${MIN_REQUEST_BYTES} to ${MAX_REQUEST_BYTES}`, {
    context: { declaredBytes: length },
  });
}
