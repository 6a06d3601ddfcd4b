import type { ForPartition } from '../../src/cluster/scatter.js';
import type { Assignor } from '../../src/group/index.js';

/**
 * A cooperative assignor for static members: the first partition of a topic goes to "b", the others to "c", else to "a", else to "b"; nobody is given
 * what another holds.
 */
export const byName: Assignor = {
  name: 'by-name',
  protocol: 'cooperative',
  assign(members, counts) {
    const named = (name: string) => members.find(({ groupInstanceId }) => groupInstanceId === name);
    const isHeldBy = ({ topic, partition }: ForPartition, { ownedPartitions }: (typeof members)[number]) =>
      ownedPartitions.some(each => each.topic === topic && each.partition === partition);
    const division = new Map<string, ForPartition[]>();
    for (const [topic, count] of counts) {
      for (let partition = 0; partition < count; partition++) {
        const place = { topic, partition };
        const wanted = partition === 0 ? named('b') : (named('c') ?? named('a') ?? named('b'));
        const holder = members.find(member => isHeldBy(place, member));
        if (wanted === undefined || (holder !== undefined && holder !== wanted)) continue;
        division.set(wanted.memberId, [...(division.get(wanted.memberId) ?? []), place]);
      }
    }
    return division;
  },
};
