import {
  type Api,
  ApiVersions,
  apisByKey,
  decodeResponseBody,
  type RequestOf,
  type ResponseOf,
  readCorrelationId,
} from '../../../src/protocol/index.js';
import { RawClient } from '../../embedded/raw-client.js';

/** One answer of a real broker, as it came. */
export interface Answer {
  readonly release: string;
  readonly api: string;
  readonly version: number;
  /** Header and body in hex, without the length before them. */
  readonly frame: string;
}

/** A connection to a broker that keeps what it answers. */
export class Capture {
  readonly answers: Answer[] = [];
  readonly #release: string;
  readonly #client: RawClient;
  readonly #offered = new Map<number, readonly [first: number, last: number]>();

  private constructor(release: string, client: RawClient) {
    this.#release = release;
    this.#client = client;
  }

  /** @param address `host:port`. */
  static async connect(release: string, address: string): Promise<Capture> {
    const capture = new Capture(release, await RawClient.connect(address));
    const { apiKeys } = await capture.#send(ApiVersions, 0, {});
    for (const { apiKey, minVersion, maxVersion } of apiKeys) capture.#offered.set(apiKey, [minVersion, maxVersion]);
    return capture;
  }

  /** The versions of an API that both sides know, ascending. Kafka from 4.0 on lists Produce v0 to v2 and refuses them (KAFKA-18659). */
  versions({ key, name, versions }: Api): number[] {
    const [first, last] = this.#offered.get(key) ?? [0, -1];
    const refused = name === 'Produce' && Number.parseInt(this.#release, 10) >= 4 ? 3 : 0;
    const from = Math.max(first, versions[0], refused);
    return Array.from({ length: Math.max(0, Math.min(last, versions[1]) - from + 1) }, (_, index) => from + index);
  }

  /** Sends a request and keeps the answer. */
  async ask<A extends Api>(api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return await this.#send(api, version, body, frame => {
      this.answers.push({ release: this.#release, api: api.name, version, frame: frame.toString('hex') });
    });
  }

  /** Sends a request in every version both sides know. */
  async each<A extends Api>(api: A, body: (version: number) => RequestOf<A>): Promise<void> {
    for (const version of this.versions(api)) await this.ask(api, version, body(version));
  }

  /** Sends a request in the version that comes closest to `wanted`, and keeps the answer. Undefined where the broker lacks the API. */
  async near<A extends Api>(api: A, wanted: number, body: (version: number) => RequestOf<A>): Promise<ResponseOf<A> | undefined> {
    const version = this.#nearest(api, wanted);
    return version === undefined ? undefined : await this.ask(api, version, body(version));
  }

  /** Sends a request in the newest version until the answer is `good`; nothing is kept. Undefined where the broker lacks the API. */
  async until<A extends Api>(
    api: A,
    body: (version: number) => RequestOf<A>,
    good: (answer: ResponseOf<A>) => boolean,
  ): Promise<ResponseOf<A> | undefined> {
    const version = this.#nearest(api, Number.POSITIVE_INFINITY);
    if (version === undefined) return undefined;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#send(api, version, body(version));
      if (good(answer)) return answer;
      if (attempt === 100) throw new Error(`${api.name} on Kafka ${this.#release}: ${JSON.stringify(answer)}`);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }

  close(): void {
    this.#client.close();
  }

  /** APIs both sides know of which there is a version without an answer, as `Fetch v4`. */
  missing(): string[] {
    const there = new Set(this.answers.map(({ api, version }) => `${api} v${version}`));
    return [...apisByKey.values()].flatMap(api =>
      this.versions(api)
        .map(version => `${api.name} v${version}`)
        .filter(name => !there.has(name)),
    );
  }

  #nearest(api: Api, wanted: number): number | undefined {
    const versions = this.versions(api);
    return versions.findLast(version => version <= wanted) ?? versions[0];
  }

  async #send<A extends Api>(api: A, version: number, body: RequestOf<A>, keep?: (frame: Buffer) => void): Promise<ResponseOf<A>> {
    const correlationId = this.#client.send(api, version, body);
    const frame = await this.#client.frame();
    if (readCorrelationId(frame) !== correlationId) throw new Error(`${api.name} v${version}: an answer to another request`);
    keep?.(frame);
    return decodeResponseBody(api, version, frame) as ResponseOf<A>;
  }
}
