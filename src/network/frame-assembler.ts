import { ProtocolError } from '../base/errors.js';

/**
 * Puts the bytes of a socket together into frames: 4 bytes of length, then that many bytes. Each frame has a buffer of its own, so that
 * views into it stay valid and it can be handed to a thread.
 */
export class FrameAssembler {
  #maxBytes: number;
  #limitedBy = 'maxResponseBytes';
  readonly #deliver: (frame: Buffer) => void;
  readonly #length = Buffer.alloc(4);
  #lengthFilled = 0;
  #frame: Buffer | undefined;
  #frameFilled = 0;

  constructor(maxBytes: number, deliver: (frame: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#deliver = deliver;
  }

  /** The longest frame from now on, and what errors call the limit. */
  limit(maxBytes: number, limitedBy = 'maxResponseBytes'): void {
    this.#maxBytes = maxBytes;
    this.#limitedBy = limitedBy;
  }

  /**
   * Takes the next bytes; they are copied.
   * @throws KafkaError `TIDE_PROTOCOL` for a length no Kafka broker sends, before any memory is taken for it.
   */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#frame === undefined) {
        const take = Math.min(4 - this.#lengthFilled, bytes.length - at);
        this.#length.set(bytes.subarray(at, at + take), this.#lengthFilled);
        this.#lengthFilled += take;
        at += take;
        if (this.#lengthFilled === 4) {
          this.#frame = Buffer.allocUnsafeSlow(checkLength(this.#length, this.#maxBytes, this.#limitedBy));
          this.#frameFilled = 0;
        }
        continue;
      }
      const take = Math.min(this.#frame.length - this.#frameFilled, bytes.length - at);
      this.#frame.set(at === 0 && take === bytes.length ? bytes : bytes.subarray(at, at + take), this.#frameFilled);
      this.#frameFilled += take;
      at += take;
      if (this.#frameFilled === this.#frame.length) {
        const frame = this.#frame;
        this.#frame = undefined;
        this.#lengthFilled = 0;
        this.#deliver(frame);
      }
    }
  }
}

/** A response holds at least its correlation id. */
const minBytes = 4;

function checkLength(prefix: Buffer, maxBytes: number, limitedBy: string): number {
  const length = prefix.readInt32BE(0);
  if (length >= minBytes && length <= maxBytes) return length;
  throw new ProtocolError(
    `a frame declares ${length} bytes, expected ${minBytes} to ${maxBytes} (${limitedBy}); ${whoSends(prefix) ?? 'the other side does not speak Kafka, or the stream is damaged'}`,
    { context: { declaredBytes: length, maxResponseBytes: maxBytes } },
  );
}

/** What the first four bytes look like when they are no length. */
function whoSends(prefix: Buffer): string | undefined {
  if (prefix.toString('latin1') === 'HTTP') return 'an HTTP server answered: the port is not that of a Kafka listener';
  if (prefix[0] === 0x15 && prefix[1] === 0x03) return 'a TLS alert answered: this is a TLS listener, and the client was told to use none';
  if (prefix.toString('latin1') === 'SSH-') return 'an SSH server answered: the port is not that of a Kafka listener';
  return undefined;
}
