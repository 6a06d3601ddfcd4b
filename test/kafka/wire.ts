import { connect } from 'node:net';

// Four requests written by hand, so that the harness does not lean on the library it is there to test.
// Old, non-flexible versions that every release from 0.10.2 to 4.3 answers. Source: kafka.apache.org/protocol.

/** A broker as Metadata shows it. */
export interface BrokerView {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** The cluster as one broker sees it. */
export interface ClusterView {
  readonly brokers: readonly BrokerView[];
  readonly controllerId: number;
  /** Topic to the leader of each of its partitions, by partition number; -1 where there is none. */
  readonly leaders: ReadonlyMap<string, readonly number[]>;
}

/** A topic to create. */
export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly config: Readonly<Record<string, string | number | boolean>>;
}

/** Settles once the broker on `port` answers ApiVersions (v0). */
export async function apiVersions(port: number, timeoutMs = 2_000): Promise<void> {
  const error = new Reader(await ask(port, 18, 0, Buffer.alloc(0), timeoutMs)).int16();
  if (error !== 0) throw new Error(`ApiVersions from port ${port}: error ${error}`);
}

/** What the broker on `port` knows of the cluster and of `topics` (Metadata v1; null: all topics). */
export async function metadata(port: number, topics: readonly string[] | null = [], timeoutMs = 2_000): Promise<ClusterView> {
  const body = topics === null ? int32(-1) : Buffer.concat([int32(topics.length), ...topics.map(string)]);
  const answer = new Reader(await ask(port, 3, 1, body, timeoutMs));
  const brokers = answer.array(() => {
    const broker = { id: answer.int32(), host: answer.string() ?? '', port: answer.int32() };
    answer.string(); // rack
    return broker;
  });
  const controllerId = answer.int32();
  const leaders = new Map<string, readonly number[]>();
  answer.array(() => {
    const error = answer.int16();
    const name = answer.string() ?? '';
    answer.int8(); // internal
    const found: number[] = [];
    answer.array(() => {
      answer.int16(); // error
      found[answer.int32()] = answer.int32();
      answer.array(() => answer.int32()); // replicas
      answer.array(() => answer.int32()); // in-sync replicas
    });
    if (error === 0) leaders.set(name, found);
  });
  return { brokers, controllerId, leaders };
}

/** Creates topics (CreateTopics v1 or v2, which differ in the answer only). @throws Error with Kafka's error code and message. */
export async function createTopics(port: number, version: 1 | 2, topics: readonly NewTopic[], timeoutMs = 30_000): Promise<void> {
  const body = Buffer.concat([
    int32(topics.length),
    ...topics.flatMap(({ name, partitions, replicas, config }) => {
      const entries = Object.entries(config).map(([key, value]) => Buffer.concat([string(key), string(String(value))]));
      return [string(name), int32(partitions), int16(replicas), int32(0), int32(entries.length), ...entries];
    }),
    int32(timeoutMs),
    Buffer.of(0), // not only a trial
  ]);
  const answer = new Reader(await ask(port, 19, version, body, timeoutMs + 5_000));
  if (version >= 2) answer.int32(); // throttle time
  answer.array(() => {
    const [name, error, message] = [answer.string(), answer.int16(), answer.string()];
    if (error !== 0) throw new Error(`cannot create topic ${name}: error ${error} ${message ?? ''}`);
  });
}

/** Sends one request on a connection of its own and gives the body of the answer. */
function ask(port: number, key: number, version: number, body: Buffer, timeoutMs: number): Promise<Buffer> {
  const header = Buffer.concat([int16(key), int16(version), int32(1), int16(-1)]); // correlation id 1, no client id
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const fail = (cause: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`api ${key} v${version} on port ${port}: ${cause.message}`, { cause }));
    };
    let received = Buffer.alloc(0);
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('connection closed')));
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      clearTimeout(timer);
      resolve(received.subarray(8, 4 + received.readInt32BE(0)));
      socket.destroy();
    });
    socket.write(Buffer.concat([int32(header.length + body.length), header, body]));
  });
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  int8(): number {
    return this.#bytes.readInt8((this.#at += 1) - 1);
  }
  int16(): number {
    return this.#bytes.readInt16BE((this.#at += 2) - 2);
  }
  int32(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4);
  }
  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.#bytes.toString('utf8', this.#at, (this.#at += length));
  }
  array<T>(one: () => T): T[] {
    const items: T[] = [];
    for (let left = this.int32(); left > 0; left--) items.push(one());
    return items;
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}
