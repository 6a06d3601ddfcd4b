import { StateError } from '../../base/errors.js';
import type { ForPartition } from '../../cluster/scatter.js';
import type { Assignor, Member } from './assignor.js';

/**
 * What an assignor gives, which may be a user's own: nothing to anybody who is no member, nothing twice, and only what there is.
 * @throws KafkaError `TIDE_STATE` naming the assignor and what is wrong.
 */
export function assigned(
  assignor: Assignor,
  members: readonly Member[],
  partitionsOf: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly ForPartition[]> {
  const given = assignor.assign(members, partitionsOf);
  const ids = new Set(members.map(({ memberId }) => memberId));
  const taken = new Map<string, string>();
  for (const [memberId, partitions] of given) {
    if (!ids.has(memberId)) throw wrong(assignor, `it gives partitions to ${JSON.stringify(memberId)}, who is no member`);
    for (const { topic, partition } of partitions) {
      const place = `${topic}/${partition}`;
      const other = taken.get(place);
      if (other !== undefined) throw wrong(assignor, `it gives ${place} to ${other} and to ${memberId}`);
      if (!(partition >= 0 && partition < (partitionsOf.get(topic) ?? 0))) throw wrong(assignor, `it gives ${place}, which does not exist`);
      taken.set(place, memberId);
    }
  }
  return given;
}

const wrong = ({ name }: Assignor, text: string): StateError => new StateError('TIDE_STATE', `assignor ${JSON.stringify(name)}: ${text}`);
