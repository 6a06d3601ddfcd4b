/** An id and an epoch, as InitProducerId gives them. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const FIRST_PRODUCER_ID = 1000;

/** Hands out producer ids, one after the other. */
export class ProducerIds {
  #next = FIRST_PRODUCER_ID;

  fresh(): ProducerIdentity {
    return { producerId: this.#next++, producerEpoch: 0 };
  }
}
