import { brokerError } from '../base/broker-errors.js';
import { ConnectionError, TimeoutError } from '../base/errors.js';
import type { Body } from '../network/connection.js';
import { type Api, FindCoordinator, type ResponseOf } from '../protocol/index.js';
import { type Bounds, type Cluster, remedyOf, type SendOptions } from './cluster.js';

/** What a coordinator coordinates: FindCoordinator's key type. */
export const coordinatorKinds = { group: 0, transaction: 1 } as const;
export type CoordinatorKind = keyof typeof coordinatorKinds;

/** Finds the broker that coordinates a group or a transactional id, remembers it, and asks again when it has moved. */
export class Coordinators {
  readonly #cluster: Cluster;
  readonly #known = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * The answer of the coordinator of `key`, after `read` has thrown what is wrong in it; retried while the coordinator is unknown, moving or loading.
   * @throws KafkaError what `read` throws, or why no coordinator could be found (errno -1019 where none is known).
   */
  request<A extends Api, T>(
    kind: CoordinatorKind,
    key: string,
    api: A,
    body: Body<A>,
    read: (answer: ResponseOf<A>) => T,
    bounds: Bounds & Pick<SendOptions, 'timeoutMs' | 'maxVersion'> = {},
  ): Promise<T> {
    const { signal, timeoutMs, maxVersion } = bounds;
    return this.#cluster.retrying(async () => {
      const id = await this.find(kind, key, bounds);
      try {
        return read(await this.#cluster.toBroker(id, api, body, { signal, timeoutMs, maxVersion }));
      } catch (error) {
        if (error instanceof ConnectionError || error instanceof TimeoutError || remedyOf(error) === 'find-coordinator')
          this.#forget(kind, key, id);
        throw error;
      }
    }, bounds);
  }

  /** The id of the broker that coordinates `key`. One attempt. */
  async find(kind: CoordinatorKind, key: string, { signal }: Bounds = {}): Promise<number> {
    const known = this.#known.get(`${kind} ${key}`);
    if (known !== undefined) return known;
    const keyType = coordinatorKinds[kind];
    const answer = await this.#cluster.toAny(
      FindCoordinator,
      version => (version >= 4 ? { keyType, coordinatorKeys: [key] } : version >= 1 ? { key, keyType } : { key }),
      { signal },
    );
    const [found = answer] = answer.coordinators;
    if (found.errorCode !== 0) throw brokerError(found.errorCode, `find the coordinator of ${kind} ${JSON.stringify(key)}`);
    this.#cluster.learn({ id: found.nodeId, host: found.host, port: found.port, rack: null });
    this.#known.set(`${kind} ${key}`, found.nodeId);
    return found.nodeId;
  }

  #forget(kind: CoordinatorKind, key: string, id: number): void {
    const name = `${kind} ${key}`;
    if (this.#known.get(name) === id) this.#known.delete(name);
  }
}
