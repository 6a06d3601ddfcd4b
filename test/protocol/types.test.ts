import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Api,
  Metadata,
  type OffsetCommit,
  type Produce,
  type RequestIn,
  type RequestOf,
  type ResponseInput,
  type ResponseOf,
} from '../../src/protocol/index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only when the two types are the same. */
const same = <A, B>(..._: Same<A, B> extends true ? [] : [never]): void => {};
type Optional<T, K extends keyof T> = Record<never, never> extends Pick<T, K> ? true : false;

test('types follow from the fields', () => {
  type Commit = RequestOf<typeof OffsetCommit>;
  same<Commit['groupId'], string>();
  same<Commit['groupInstanceId'], string | null | undefined>();
  same<Commit['retentionTimeMs'], number | undefined>();
  type CommitPartition = Commit['topics'][number]['partitions'][number];
  same<CommitPartition['committedOffset'], number>();
  same<CommitPartition['committedMetadata'], string | null>();
  same<Optional<CommitPartition, 'committedLeaderEpoch'>, true>();
  same<Optional<CommitPartition, 'committedOffset'>, false>();

  type Received = RequestIn<typeof OffsetCommit>;
  same<Received['groupInstanceId'], string | null>();
  same<Received['topics'][number]['topicId'], string>();

  type Brokers = ResponseOf<typeof Metadata>['brokers'];
  same<Brokers, readonly { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }[]>();
  same<ResponseInput<typeof Metadata>['brokers'][number]['rack'], string | null | undefined>();

  type Sent = RequestOf<typeof Produce>['topicData'][number]['partitionData'][number]['records'];
  same<Sent, Uint8Array | readonly Uint8Array[] | null>();
  same<RequestIn<typeof Produce>['topicData'][number]['partitionData'][number]['records'], Buffer | null>();
  type Leader = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]['currentLeader'];
  same<Leader, { readonly leaderId: number; readonly leaderEpoch: number }>();
});

test('a function over any api infers the answer from the api', async () => {
  const asked: string[] = [];
  async function request<A extends Api>(api: A, _body: RequestOf<A>): Promise<ResponseOf<A> | undefined> {
    asked.push(api.name);
    return undefined;
  }
  const answer = await request(Metadata, { topics: [{ name: 'orders' }] });
  same<typeof answer, ResponseOf<typeof Metadata> | undefined>();
  // @ts-expect-error a field without a default is required
  await request(Metadata, {});
  // @ts-expect-error a field of another type
  await request(Metadata, { topics: [{ name: 5 }] });
  // @ts-expect-error a field that does not exist
  await request(Metadata, { topics: null, topic: 'orders' });
  assert.deepEqual(asked, ['Metadata', 'Metadata', 'Metadata', 'Metadata']);
});
