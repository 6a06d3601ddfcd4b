import { StateError } from '../base/errors.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { Partition } from './partition.js';

/**
 * For who is about to move these, after a wait: one that has gone is not moved any more, and one that is back since stands where the group does.
 * @param whyGone Why a partition is not read; undefined for one that is.
 * @param named They were asked for by name, and not as all there are.
 * @throws KafkaError `TIDE_PARTITION_LOST`.
 */
export function assertStillRead(
  partitions: readonly Partition[],
  whyGone: (place: ForPartition) => string | undefined,
  named: boolean,
  what: string,
): void {
  const lost = partitions.find(each => each.gone !== undefined && (named || whyGone(each) === undefined));
  if (lost !== undefined) throw new StateError('TIDE_PARTITION_LOST', `${what}: ${placeText(lost)}: ${lost.gone}`);
}
