import { InputError, type KafkaError } from '../base/errors.js';
import { show } from '../base/options.js';
import { checkList, checkOnce, checkPlace } from '../client/inputs.js';
import type { ForPartition } from '../cluster/scatter.js';

/** What became of one partition of a call; `error` undefined: done. */
export interface PartitionResult {
  readonly topic: string;
  readonly partition: number;
  readonly error: KafkaError | undefined;
}

/** @throws KafkaError `TIDE_INPUT` for what is no partition, for one given twice, and for an empty list. */
export function partitionsOf<P extends ForPartition>(given: P | readonly P[], what: string): readonly P[] {
  const places = isOne(given) ? [given] : given;
  checkList(places, what);
  if (places.length === 0) throw new InputError(`${what}: expected at least one { topic, partition }, got ${show(given)}`);
  for (const place of places) checkPlace(place, what);
  checkOnce(places, what);
  return places;
}

const isOne = <P extends object>(given: P | readonly P[]): given is P =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

export const placeName = (topic: string, partition: number): string => `${topic}/${partition}`;
