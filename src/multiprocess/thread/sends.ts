import { type Deferred, deferred } from '../../base/wait.js';
import type { ProducerRecord, RecordResult } from '../../producer/index.js';
import type { AnyMessage } from '../../records/index.js';
import { fromPlain, type PlainError } from '../plain-error.js';
import type { PlainRecord, Stored } from '../thread-messages.js';

/** Records that handlers send, on their way through the main thread. */
export class Sends {
  readonly #post: (id: number, record: PlainRecord) => void;
  readonly #pending = new Map<number, Deferred<RecordResult>>();
  #lastId = 0;

  constructor(post: (id: number, record: PlainRecord) => void) {
    this.#post = post;
  }

  async send(record: ProducerRecord): Promise<RecordResult> {
    const id = ++this.#lastId;
    this.#post(id, plainRecord(record)); // throws what cannot be cloned
    const pending = deferred<RecordResult>();
    this.#pending.set(id, pending);
    return pending.promise;
  }

  settle(id: number, stored: Stored | undefined, error: PlainError | undefined): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (stored !== undefined) pending?.resolve(stored);
    else pending?.reject(error === undefined ? new Error('a record was not sent') : fromPlain(error));
  }
}

/** A message as it was, in memory of its own. */
export const plainMessage = ({ topic, keyBytes, valueBytes, headers, timestamp, partition }: AnyMessage): PlainRecord => ({
  topic,
  key: copied(keyBytes),
  value: copied(valueBytes),
  headers: headers.map(([name, each]) => [name, copied(each)]),
  timestamp,
  partition,
});

/** Views of other memory are copied: what is posted is the whole memory that a view lies in. What is wrong with it the producer says. */
function plainRecord(record: ProducerRecord): PlainRecord {
  if (typeof record !== 'object' || record === null) return record;
  const { headers } = record;
  const pairs =
    headers === undefined || Array.isArray(headers) ? headers : typeof headers === 'object' ? Object.entries(headers ?? {}) : headers;
  return {
    ...record,
    key: copied(record.key ?? null),
    value: copied(record.value),
    ...(pairs === undefined ? undefined : { headers: Array.isArray(pairs) ? pairs.map(copiedPair) : pairs }),
  } as PlainRecord;
}

const copiedPair = (pair: unknown): unknown => (Array.isArray(pair) ? pair.map(copied) : pair);

const copied = <T>(bytes: T): T => (bytes instanceof Uint8Array ? (new Uint8Array(bytes) as T & Uint8Array) : bytes);
