import { BatchBuilder, readBatches, type SealOptions, stampProducer } from '../records/index.js';
import type { Batch } from './batch.js';
import { sequenceAfter } from './series.js';

/** The records of a sealed batch at these places, ascending, encoded as a batch of their own. */
export function rebuild(batch: Batch, places: readonly number[], seal: SealOptions): Batch {
  const part = batch.part(places);
  const builder = new BatchBuilder();
  const wanted = new Set(places);
  let place = 0;
  const own = { topic: batch.topic, partition: batch.partition, maxDecompressedBytes: 2 ** 31 - 1 };
  for (const each of readBatches(batch.bytes ?? null, own)) {
    for (const { key, value, timestamp, headers } of each) {
      if (wanted.has(place++)) builder.append(key, value, timestamp, headers);
    }
  }
  part.plainBytes = builder.byteLength;
  part.bytes = builder.seal(seal);
  return part;
}

/** Two batches with the records of one, in their order and with their numbers. */
export function halves(batch: Batch, seal: SealOptions): readonly Batch[] {
  const places = Array.from({ length: batch.count }, (_, place) => place);
  const middle = batch.count >>> 1;
  const first = rebuild(batch, places.slice(0, middle), seal);
  const second = rebuild(batch, places.slice(middle), seal);
  number(first, batch, 0);
  number(second, batch, middle);
  return [first, second];
}

/** Gives `part`, which begins at this place of `whole`, the numbers that it has there. */
function number(part: Batch, { series, sequence }: Batch, place: number): void {
  if (series === undefined || part.bytes === undefined) return;
  part.series = series;
  part.sequence = sequenceAfter(sequence, place);
  stampProducer(part.bytes, series.producerId, series.epoch, part.sequence);
}
