import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { KafkaError, UnsupportedError } from '../base/errors.js';
import { singleFlight } from '../base/wait.js';
import type { Cluster } from '../cluster/cluster.js';
import { InitProducerId } from '../protocol/index.js';
import type { Lane } from './lane.js';
import type { Series } from './series.js';

/** In whose name a producer sends, and what that asks of a batch before it may go. */
export interface Identity {
  /** `'none'`: batches have no numbers, and go one by one. Undefined while it is not known: {@link obtain} is needed. */
  readonly series: Series | 'none' | undefined;
  /** The transactional id, in each request. */
  readonly transactionalId: string | null;
  /** The highest version of Produce that does what is meant. */
  readonly maxVersion: number | undefined;
  /** Learns {@link series}. */
  obtain(): Promise<void>;
  /** Whether a batch of this lane may be sent now. If not, the identity sees to it that the lane is looked at again. */
  admits(lane: Lane): boolean;
  /** The epochs of these numbers are used up: others are needed. */
  exhausted(series: Series): void;
  /** Whether numbers may begin anew by themselves where a batch is missing. Within a transaction they may not. */
  readonly mayRestart: boolean;
  /** Whether batches may go without numbers to a partition that cannot keep them: nobody has asked for them. */
  readonly isOptional: boolean;
  /** A batch is rejected. Gives what its callers are told. */
  failed(error: KafkaError): KafkaError;
}

/** Batches without numbers. */
export const noIdentity: Identity = {
  series: 'none',
  transactionalId: null,
  maxVersion: undefined,
  obtain: () => Promise.resolve(),
  admits: () => true,
  exhausted: () => {},
  mayRestart: true,
  isOptional: true,
  failed: error => error,
};

/**
 * The name of an idempotent producer, which any broker gives. A broker older than 0.11 has none to give: then batches go without numbers,
 * unless idempotence was asked for.
 * @see KIP-98
 */
export class IdempotentIdentity implements Identity {
  readonly transactionalId = null;
  readonly maxVersion = undefined;
  readonly mayRestart = true;
  readonly #cluster: Cluster;
  readonly #required: boolean;
  #series: Series | 'none' | undefined;
  readonly obtain: () => Promise<void>;

  /** @param required Idempotence was asked for, and is not just the default. */
  constructor(cluster: Cluster, required: boolean) {
    this.#cluster = cluster;
    this.#required = required;
    this.obtain = singleFlight(() => this.#obtain());
  }

  get series(): Series | 'none' | undefined {
    return this.#series;
  }

  get isOptional(): boolean {
    return !this.#required;
  }

  admits(): boolean {
    return true;
  }

  exhausted(series: Series): void {
    if (this.#series !== 'none' && this.#series?.producerId === series.producerId) this.#series = undefined;
  }

  failed(error: KafkaError): KafkaError {
    return error;
  }

  async #obtain(): Promise<void> {
    if (this.#series !== undefined) return;
    try {
      const answer = await this.#cluster.toAny(InitProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 });
      if (answer.errorCode !== 0) throw refused(answer.errorCode);
      this.#series = { producerId: answer.producerId, epoch: answer.producerEpoch };
    } catch (error) {
      if (!(error instanceof KafkaError && error.code === 'TIDE_UNSUPPORTED')) throw error;
      if (this.#required) throw tooOld(error);
      this.#series = 'none';
    }
  }
}

function refused(errorCode: number): KafkaError {
  const denied = errorCode === errorNumbers.CLUSTER_AUTHORIZATION_FAILED;
  const message = denied ? 'not allowed to write idempotently; allow IdempotentWrite on the cluster, or give idempotent: false' : undefined;
  return brokerError(errorCode, 'ask for a producer id', { message, persistence: 'no' });
}

const tooOld = (cause: KafkaError): KafkaError =>
  new UnsupportedError(
    'idempotent: true needs a broker of Kafka 0.11 or later; without it a batch that is sent again may be stored twice',
    {
      cause,
      persistence: 'no',
      context: { needs: 'Kafka 0.11' },
    },
  );
