import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { type BrokerError, KafkaError, TimeoutError } from '../base/errors.js';
import { limited, orAborted } from '../base/wait.js';
import type { Body } from '../network/connection.js';
import { type Api, FindCoordinator, type ResponseOf } from '../protocol/index.js';
import { type Bounds, type Cluster, isUnanswered, remedyOf, type SendOptions } from './cluster.js';

/** What a coordinator coordinates: FindCoordinator's key type. */
export const coordinatorKinds = { group: 0, transaction: 1 } as const;
export type CoordinatorKind = keyof typeof coordinatorKinds;

/** How long a coordinator may be asked, and how. */
export interface CoordinatorBounds extends Bounds, Pick<SendOptions, 'timeoutMs' | 'maxVersion' | 'purpose'> {
  readonly failed?: ((error: unknown) => void) | undefined;
}

/** Finds the broker that coordinates a group or a transactional id, remembers it, and asks again when it has moved. */
export class Coordinators {
  readonly #cluster: Cluster;
  readonly #known = new Map<string, number>();
  /** Look-ups under way: who asks meanwhile shares them. */
  readonly #looking = new Map<string, Promise<number>>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * The answer of the coordinator of `key`, after `read` has thrown what is wrong in it; retried while the coordinator is unknown, moving or loading.
   * Looking it up may take no longer than the request.
   * @param bounds.failed Told how each attempt failed that was made at the coordinator, which may have applied it.
   * @throws KafkaError what `read` throws, or why no coordinator could be found (errno -1019 where none is known).
   */
  async request<A extends Api, T>(
    kind: CoordinatorKind,
    key: string,
    api: A,
    body: Body<A>,
    read: (answer: ResponseOf<A>) => T,
    bounds: CoordinatorBounds = {},
  ): Promise<T> {
    const { signal, deadline, maxVersion, purpose, failed, timeoutMs = this.#cluster.settings.requestTimeoutMs } = bounds;
    const leftMs = () => Math.min(timeoutMs, Math.max(1, deadline?.remainingMs() ?? timeoutMs));
    return this.#cluster.retrying(async () => {
      const id = await this.#findWithin(leftMs(), kind, key, signal);
      try {
        return read(await this.#cluster.toBroker(id, api, body, { signal, timeoutMs: leftMs(), maxVersion, purpose }));
      } catch (error) {
        failed?.(error);
        if (isUnanswered(error) || remedyOf(error) === 'find-coordinator') this.#forget(kind, key, id);
        throw error;
      }
    }, bounds);
  }

  /** The id of the broker that coordinates `key`, as found before or now. One attempt. */
  find(kind: CoordinatorKind, key: string, { signal }: Bounds = {}): Promise<number> {
    const known = this.#known.get(`${kind} ${key}`);
    return known === undefined ? this.findAnew(kind, key, { signal }) : Promise.resolve(known);
  }

  /** As {@link find}, for so long; the look-up goes on for whoever else waits for it. */
  #findWithin(ms: number, kind: CoordinatorKind, key: string, signal: AbortSignal | undefined): Promise<number> {
    const late = () =>
      new TimeoutError(`find the coordinator of ${kind} ${JSON.stringify(key)}: no answer within ${Math.round(ms)} ms`, {
        retriable: true,
        persistence: 'no',
        context: { timeoutMs: Math.round(ms) },
      });
    return limited(this.#cluster.clock, { ms, signal, late }, stop => this.find(kind, key, { signal: stop }));
  }

  /** As {@link find}, whatever was found before. */
  findAnew(kind: CoordinatorKind, key: string, { signal }: Bounds = {}): Promise<number> {
    const name = `${kind} ${key}`;
    let looking = this.#looking.get(name);
    if (looking === undefined) {
      looking = this.#look(kind, key).finally(() => this.#looking.delete(name));
      this.#looking.set(name, looking);
    }
    return orAborted(looking, signal);
  }

  async #look(kind: CoordinatorKind, key: string): Promise<number> {
    const keyType = coordinatorKinds[kind];
    const answer = await this.#cluster.toAny(FindCoordinator, version =>
      version >= 4 ? { keyType, coordinatorKeys: [key] } : version >= 1 ? { key, keyType } : { key },
    );
    const [found = answer] = answer.coordinators;
    if (found.errorCode !== 0) throw notFound(brokerError(found.errorCode, `find the coordinator of ${kind} ${JSON.stringify(key)}`));
    this.#cluster.learn({ id: found.nodeId, host: found.host, port: found.port, rack: null });
    this.#known.set(`${kind} ${key}`, found.nodeId);
    return found.nodeId;
  }

  #forget(kind: CoordinatorKind, key: string, id: number): void {
    const name = `${kind} ${key}`;
    if (this.#known.get(name) === id) this.#known.delete(name);
  }
}

/** That there is no coordinator is no refusal of the broker's: it has the number the Perl client gave it. */
function notFound(error: BrokerError): KafkaError {
  if (error.errno !== errorNumbers.COORDINATOR_NOT_AVAILABLE) return error;
  const { code, message, retriable, persistence } = error;
  return new KafkaError(code, message, { retriable, persistence, errno: -1019, cause: error });
}
