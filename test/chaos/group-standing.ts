import { KafkaClient, KafkaConsumer, type KafkaConsumerOptions, KeyedProducer, type Message } from '../../src/index.js';

/** So many messages of a partition wait for its worker before it is paused, and so few when it goes on. */
const [MOST_WAITING, FEWEST_WAITING] = [200, 50];

/** Writes so many messages to each partition. */
export async function fillPartitions(client: KafkaClient, topic: string, counts: readonly number[], valueBytes = 100): Promise<void> {
  await using producer = new KeyedProducer(client, { partitioner: ({ key }) => Number(key) });
  const value = Buffer.alloc(valueBytes, 'v');
  const most = Math.max(...counts);
  for (let from = 0; from < most; from += 1000) {
    const records = counts.flatMap((count, partition) =>
      Array.from({ length: Math.max(0, Math.min(1000, count - from)) }, () => ({ topic, key: `${partition}`, value })),
    );
    await producer.sendMany(records);
  }
}

/** A member of a group that reads a topic with a worker for each partition. */
export interface Workers {
  readonly bootstrap: readonly string[];
  readonly topic: string;
  readonly groupId: string;
  readonly options?: KafkaConsumerOptions | undefined;
  /** What a worker does with a message; undefined: nothing. */
  readonly work: (message: Message) => Promise<void> | undefined;
}

/** How many messages of each partition are done. */
export class WorkersRun implements AsyncDisposable {
  readonly done = new Map<number, number>();
  readonly consumer: KafkaConsumer;
  readonly #client: KafkaClient;
  readonly #work: Workers['work'];
  readonly #queues = new Map<number, Message[]>();
  readonly #watchers = new Set<() => void>();
  readonly #reading: Promise<void>;
  #failure: unknown;

  constructor({ bootstrap, topic, groupId, options, work }: Workers) {
    this.#client = new KafkaClient({ brokers: bootstrap });
    this.#work = work;
    this.consumer = new KafkaConsumer(this.#client, { topics: topic, groupId, marking: 'explicit', ...options });
    this.#reading = this.#read().catch((error: unknown) => this.#fail(error));
  }

  /** Resolves when so many of each of these partitions are done. @throws what went wrong. */
  until(counts: ReadonlyMap<number, number>): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#failure === undefined && ![...counts].every(([partition, count]) => (this.done.get(partition) ?? 0) >= count)) return;
        this.#watchers.delete(look);
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
      this.#watchers.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const message of this.consumer) {
      const { partition } = message;
      const queue = this.#queues.get(partition);
      if (queue === undefined) this.#start(partition, message);
      else if (queue.push(message) === MOST_WAITING) this.consumer.pause([message]);
    }
  }

  /** A worker that ends when nothing waits for it. */
  #start(partition: number, first: Message): void {
    const queue = [first];
    this.#queues.set(partition, queue);
    const run = async (): Promise<void> => {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        const working = this.#work(message);
        if (working !== undefined) await working;
        this.consumer.mark(message);
        if (queue.length === FEWEST_WAITING) this.consumer.resume([message]);
        this.done.set(partition, (this.done.get(partition) ?? 0) + 1);
      }
      this.#queues.delete(partition);
      this.#look();
    };
    run().catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#look();
  }

  #look(): void {
    for (const look of this.#watchers) look();
  }
}

/** So many of each partition but these. */
export const othersOf = (counts: readonly number[], standing: readonly number[]): ReadonlyMap<number, number> =>
  new Map(Array.from(counts.entries()).filter(([partition]) => !standing.includes(partition)));

/** How long it takes until so many of these partitions are done, from the first of them on, in ms. */
export async function timeOf(
  workers: Workers,
  counts: ReadonlyMap<number, number>,
  during: (run: WorkersRun) => Promise<void>,
): Promise<number> {
  await using run = new WorkersRun(workers);
  await run.until(new Map(Array.from(counts.keys(), partition => [partition, 1])));
  const began = performance.now();
  const happening = during(run);
  await run.until(counts);
  const ms = performance.now() - began;
  await happening;
  return ms;
}
