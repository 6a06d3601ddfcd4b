import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { UnsupportedError } from '../base/errors.js';
import { packageVersion } from '../base/version.js';
import type { ClientCore } from '../client/client.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { Bounds, SendOptions } from '../cluster/cluster.js';
import type { CoordinatorBounds } from '../cluster/coordinators.js';
import type { Body } from '../network/connection.js';
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  type Api,
  ApiVersions,
  EndTxn,
  InitProducerId,
  type ResponseOf,
  TxnOffsetCommit,
} from '../protocol/index.js';
import type { Series } from './series.js';
import type { TransactionGroup } from './transaction-group.js';

/** The last versions that leave it to the producer to say what takes part in a transaction. */
const withoutImplicitParts = { Produce: 11, EndTxn: 4, TxnOffsetCommit: 4 } as const;

/** What a transactional producer asks of coordinators. Each is asked again, and looked for anew, within `bounds`. */
export class TransactionRequests {
  readonly #core: ClientCore;
  readonly #transactionalId: string;

  constructor(core: ClientCore, transactionalId: string) {
    this.#core = core;
    this.#transactionalId = transactionalId;
  }

  /** Whether what is sent takes part by itself, and each transaction has an epoch of its own: `transaction.version` 2. @see KIP-890 */
  async isSecondVersion(bounds: Bounds): Promise<boolean> {
    const answer = await this.#core.cluster.retrying(
      () =>
        this.#core.cluster.toAny(
          ApiVersions,
          { clientSoftwareName: 'tidemark', clientSoftwareVersion: packageVersion },
          { signal: bounds.signal },
        ),
      bounds,
    );
    return answer.finalizedFeatures.some(({ name, maxVersionLevel }) => name === 'transaction.version' && maxVersionLevel >= 2);
  }

  /** The highest version of Produce for a transaction. */
  produceVersion(second: boolean): number | undefined {
    return second ? undefined : withoutImplicitParts.Produce;
  }

  /**
   * The name to send in; whoever had it before is fenced, and its transaction ended. @param known The name so far, which must still be the
   * newest.
   */
  async name(timeoutMs: number, known: Series | undefined, bounds: Bounds): Promise<Series> {
    return this.#ask(
      InitProducerId,
      apiVersion => ({
        transactionalId: this.#transactionalId,
        transactionTimeoutMs: timeoutMs,
        ...(apiVersion >= 3 && known !== undefined ? { producerId: known.producerId, producerEpoch: known.epoch } : {}),
      }),
      answer => {
        this.#check(answer.errorCode, 'begin');
        return { producerId: answer.producerId, epoch: answer.producerEpoch };
      },
      bounds,
    );
  }

  async addPartitions({ producerId, epoch }: Series, partitions: ReadonlyMap<string, readonly number[]>, bounds: Bounds): Promise<void> {
    await this.#ask(
      AddPartitionsToTxn,
      {
        v3AndBelowTransactionalId: this.#transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: [...partitions].map(([name, numbers]) => ({ name, partitions: numbers })),
      },
      answer => {
        // Where one is refused the others are not tried: its code is the one that counts.
        const codes = answer.resultsByTopicV3AndBelow.flatMap(({ name, resultsByPartition }) =>
          resultsByPartition.map(({ partitionIndex, partitionErrorCode }) => ({
            place: `${name}/${partitionIndex}`,
            code: partitionErrorCode,
          })),
        );
        const refused = codes.filter(({ code }) => code !== 0);
        const first = refused.find(({ code }) => code !== errorNumbers.OPERATION_NOT_ATTEMPTED) ?? refused[0];
        if (first !== undefined) this.#check(first.code, `add ${first.place}`);
      },
      bounds,
    );
  }

  async addGroup({ producerId, epoch }: Series, groupId: string, bounds: Bounds): Promise<void> {
    const body = { transactionalId: this.#transactionalId, producerId, producerEpoch: epoch, groupId };
    await this.#ask(AddOffsetsToTxn, body, answer => this.#check(answer.errorCode, `add the offsets of group "${groupId}"`), bounds);
  }

  /** Stores offsets that count once the transaction is committed. */
  async storeOffsets(
    { producerId, epoch }: Series,
    { groupId, generationId = -1, memberId = '', groupInstanceId }: TransactionGroup,
    offsets: readonly GroupOffset[],
    second: boolean,
    bounds: Bounds,
  ): Promise<void> {
    const topics = new Map<
      string,
      { partitionIndex: number; committedOffset: number; committedLeaderEpoch: number; committedMetadata: string }[]
    >();
    for (const { topic, partition, offset, leaderEpoch = -1, metadata } of offsets) {
      const entry = {
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata ?? '',
      };
      const entries = topics.get(topic);
      if (entries === undefined) topics.set(topic, [entry]);
      else entries.push(entry);
    }
    const body = {
      transactionalId: this.#transactionalId,
      groupId,
      producerId,
      producerEpoch: epoch,
      topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    };
    await this.#core.coordinators.request(
      'group',
      groupId,
      TxnOffsetCommit,
      apiVersion => {
        if (apiVersion >= 3) return { ...body, generationId, memberId, groupInstanceId: groupInstanceId ?? null };
        if (generationId !== -1 || memberId !== '' || groupInstanceId !== undefined) throw cannotCheck(groupId);
        return body;
      },
      answer => {
        for (const { name, partitions } of answer.topics)
          for (const { partitionIndex, errorCode } of partitions)
            this.#check(errorCode, `store an offset of group "${groupId}" for ${name}/${partitionIndex}`);
      },
      { ...bounds, maxVersion: second ? undefined : withoutImplicitParts.TxnOffsetCommit },
    );
  }

  /** Commits or aborts. Gives the name to go on with, where that is another. */
  async end({ producerId, epoch }: Series, committed: boolean, second: boolean, bounds: CoordinatorBounds): Promise<Series | undefined> {
    return this.#ask(
      EndTxn,
      { transactionalId: this.#transactionalId, producerId, producerEpoch: epoch, committed },
      answer => {
        this.#check(answer.errorCode, committed ? 'commit' : 'abort');
        return answer.producerId >= 0 ? { producerId: answer.producerId, epoch: answer.producerEpoch } : undefined;
      },
      { ...bounds, maxVersion: second ? undefined : withoutImplicitParts.EndTxn },
    );
  }

  #ask<A extends Api, T>(
    api: A,
    body: Body<A>,
    read: (answer: ResponseOf<A>) => T,
    bounds: Bounds & Pick<SendOptions, 'maxVersion'>,
  ): Promise<T> {
    return this.#core.coordinators.request('transaction', this.#transactionalId, api, body, read, bounds);
  }

  #check(code: number, what: string): void {
    if (code !== 0)
      throw brokerError(code, `transaction "${this.#transactionalId}": ${what}`, { context: { transactionalId: this.#transactionalId } });
  }
}

const cannotCheck = (groupId: string): UnsupportedError =>
  new UnsupportedError(
    `sendOffsets: the broker cannot see whether a member still belongs to group ${JSON.stringify(groupId)}, which needs Kafka 2.5; ` +
      'give the id of the group alone where nobody else can store its offsets',
    { persistence: 'no', context: { groupId, needs: 'Kafka 2.5' } },
  );
