import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerError, errorNumbers } from '../../src/base/broker-errors.js';
import { PartialError } from '../../src/base/errors.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import type { OffsetStore } from '../../src/client/offset-store.js';
import { memberTarget } from '../../src/consumer/member-target.js';
import type { Partition } from '../../src/consumer/partition.js';
import { type MemberStanding, type Membership, reactionTo } from '../../src/group/index.js';

/** A member that reads orders/0 in generation 1, and a group that refuses its commits as it is told. */
function targetSetting(errno: number) {
  const client = new KafkaClient({ brokers: 'localhost:1', retry: { backoffMs: 1, maxBackoffMs: 1 } });
  const read = { topic: 'orders', partition: 0, gone: undefined } as Partition;
  const sent: number[] = [];
  const state = { generationId: 1, refuses: true, refused: () => {} };
  const standing = (): MemberStanding => ({ groupId: 'g', memberId: 'm', groupInstanceId: undefined, generationId: state.generationId });
  const membership = {
    get standing() {
      return standing();
    },
    refused: error => {
      state.refused();
      return reactionTo(error);
    },
  } as Pick<Membership, 'standing' | 'refused'> as Membership;
  const store = {
    commit: async (_group, offsets, _bounds, member) => {
      sent.push(member?.generationId ?? -1);
      const error = brokerError(errno, 'commit');
      if (state.refuses)
        throw new PartialError(
          'commit',
          error,
          offsets.map(each => ({ ...each, error })),
        );
    },
  } as Pick<OffsetStore, 'commit'> as OffsetStore;
  const core = { partitions: [read] as readonly Partition[] };
  const target = memberTarget({ client: coreOf(client), core, store }, 'g', membership) ?? assert.fail();
  return { target, sent, state, read, core };
}

const at = (offset: number) => [{ topic: 'orders', partition: 0, offset }];

test('a commit that meets a rebalance is sent again in the generation that comes of it', async () => {
  const { target, sent, state } = targetSetting(errorNumbers.REBALANCE_IN_PROGRESS);
  state.refused = () => {
    state.generationId = 2;
    state.refuses = false;
  };
  await target.commit(at(5), {});
  assert.deepEqual(sent, [1, 2]);
});

test('but not for a partition that was given to another member meanwhile, and came back', async () => {
  const { target, sent, state, read, core } = targetSetting(errorNumbers.REBALANCE_IN_PROGRESS);
  state.refused = () => {
    read.gone = 'the group has given the partition to another member';
    core.partitions = [{ topic: 'orders', partition: 0, gone: undefined } as Partition];
    state.refuses = false;
  };
  await assert.rejects(target.commit(at(5), {}), { code: 'TIDE_PARTITION_LOST', persistence: 'no' });
  assert.deepEqual(sent, [1]);
});

test('the group has gone on: the commit is refused as that', async () => {
  const { target, sent } = targetSetting(errorNumbers.UNKNOWN_MEMBER_ID);
  await assert.rejects(target.commit(at(5), {}), { code: 'TIDE_PARTITION_LOST', persistence: 'no' });
  assert.deepEqual(sent, [1]);
});
