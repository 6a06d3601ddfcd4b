/** An id and an epoch, as InitProducerId gives them. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const FIRST_PRODUCER_ID = 1000;
/** Behind the largest epoch comes a new id. */
const MAX_EPOCH = 2 ** 15 - 2;

/** Hands out producer ids, one after the other; a transactional id keeps its own and gets the next epoch each time. */
export class ProducerIds {
  #next = FIRST_PRODUCER_ID;
  readonly #byTransactionalId = new Map<string, ProducerIdentity>();

  fresh(): ProducerIdentity {
    return { producerId: this.#next++, producerEpoch: 0 };
  }

  /** Undefined when it was never given one. */
  of(transactionalId: string): ProducerIdentity | undefined {
    return this.#byTransactionalId.get(transactionalId);
  }

  forTransactions(transactionalId: string): ProducerIdentity {
    const known = this.#byTransactionalId.get(transactionalId);
    const identity =
      known === undefined || known.producerEpoch >= MAX_EPOCH
        ? this.fresh()
        : { producerId: known.producerId, producerEpoch: known.producerEpoch + 1 };
    this.#byTransactionalId.set(transactionalId, identity);
    return identity;
  }
}
