import type { KafkaError, Persistence } from './errors.js';
import { remade } from './remade.js';

/** The same error, saying what is known after all attempts of what was to be written; with another number where that says more. */
export const withPersistence = (error: KafkaError, persistence: Persistence, errno: number | undefined = error.errno): KafkaError =>
  error.persistence === persistence && error.errno === errno ? error : remade(error, { persistence, errno });
