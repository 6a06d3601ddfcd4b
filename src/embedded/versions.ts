import { InputError } from '../base/errors.js';
import type { Api, Versions } from '../protocol/index.js';

/** Releases of Apache Kafka that can be imitated. */
export const releases = ['1.1', '2.8', '3.9', '4.1'] as const;
export type Release = (typeof releases)[number];

/**
 * Per API the first and last version of each release, in the order of {@link releases}.
 * Source: `validVersions` of the message definitions in each release, `ApiKeys` for 1.1.
 */
const table: Readonly<Record<string, string>> = {
  Produce: '0-5 0-9 0-11 3-13',
  Fetch: '0-7 0-12 0-17 4-18',
  ListOffsets: '0-2 0-6 0-9 1-10',
  Metadata: '0-5 0-11 0-12 0-13',
  OffsetCommit: '0-3 0-8 0-9 2-9',
  OffsetFetch: '0-3 0-7 0-9 1-9',
  FindCoordinator: '0-1 0-3 0-6 0-6',
  JoinGroup: '0-2 0-7 0-9 0-9',
  Heartbeat: '0-1 0-4 0-4 0-4',
  LeaveGroup: '0-1 0-4 0-5 0-5',
  SyncGroup: '0-1 0-5 0-5 0-5',
  DescribeGroups: '0-1 0-5 0-5 0-6',
  ListGroups: '0-1 0-4 0-5 0-5',
  SaslHandshake: '0-1 0-1 0-1 0-1',
  ApiVersions: '0-1 0-3 0-4 0-4',
  CreateTopics: '0-2 0-7 0-7 2-7',
  DeleteTopics: '0-1 0-6 0-6 1-6',
  DeleteRecords: '0-0 0-2 0-2 0-2',
  InitProducerId: '0-0 0-4 0-5 0-5',
  OffsetForLeaderEpoch: '0-0 0-4 0-4 2-4',
  AddPartitionsToTxn: '0-0 0-3 0-5 0-5',
  AddOffsetsToTxn: '0-0 0-3 0-4 0-4',
  EndTxn: '0-0 0-3 0-4 0-5',
  TxnOffsetCommit: '0-0 0-3 0-4 0-5',
  DescribeConfigs: '0-1 0-4 0-4 1-4',
  SaslAuthenticate: '0-0 0-2 0-2 0-2',
  CreatePartitions: '0-0 0-3 0-3 0-3',
  DeleteGroups: '0-0 0-2 0-2 0-2',
  ElectLeaders: 'none 0-2 0-2 0-2',
  IncrementalAlterConfigs: 'none 0-1 0-1 0-1',
  AlterPartitionReassignments: 'none 0-0 0-0 0-1',
  ListPartitionReassignments: 'none 0-0 0-0 0-0',
  OffsetDelete: 'none 0-0 0-0 0-0',
  DescribeCluster: 'none 0-0 0-1 0-2',
  DescribeProducers: 'none 0-0 0-0 0-0',
  DescribeTransactions: 'none none 0-0 0-0',
  ListTransactions: 'none none 0-1 0-2',
  // 3.9 knows them, and refuses them unless it is told to have the new protocol.
  ConsumerGroupHeartbeat: 'none none none 0-1',
  ConsumerGroupDescribe: 'none none none 0-1',
};

/** The versions of an API that a broker of `release` offers; undefined when it does not have the API. */
function offeredBy(release: Release, api: Api): Versions | undefined {
  const [first, last] = table[api.name]?.split(' ')[releases.indexOf(release)]?.split('-').map(Number) ?? [];
  return first === undefined || last === undefined || first > last ? undefined : [first, last];
}

/** Both at once; undefined when there is no such version. */
function common([first, last]: Versions, [otherFirst, otherLast]: Versions): Versions | undefined {
  const versions = [Math.max(first, otherFirst), Math.min(last, otherLast)] as const;
  return versions[0] <= versions[1] ? versions : undefined;
}

/** An API with versions of it. */
export interface Offer {
  readonly api: Api;
  readonly versions: Versions;
  /** Where the list that clients see begins, when that is below `versions`: Kafka lists some versions that it refuses. */
  readonly listedFrom?: number | undefined;
}

/** Which versions of each API the brokers offer: those they can answer, those of a release, and what was limited since. */
export class OfferedVersions {
  readonly #original = new Map<number, Offer>();
  readonly #offered: Map<number, Offer>;

  constructor(answerable: Iterable<Offer>, release: Release | undefined) {
    for (const { api, versions, listedFrom } of answerable) {
      const limits = release === undefined ? versions : offeredBy(release, api);
      const offered = limits && common(versions, limits);
      if (offered !== undefined) this.#original.set(api.key, { api, versions: offered, listedFrom });
    }
    this.#offered = new Map(this.#original);
  }

  /** The versions that are answered; undefined when the API is not offered. */
  of(apiKey: number): Versions | undefined {
    return this.#offered.get(apiKey)?.versions;
  }

  /** What clients are told, by ascending key. */
  listed(): readonly Offer[] {
    return [...this.#offered.values()]
      .sort((a, b) => a.api.key - b.api.key)
      .map(({ api, versions: [first, last], listedFrom }) => ({ api, versions: [listedFrom ?? first, last] }));
  }

  /**
   * Offers no versions but these from now on; with a `last` below 0 none, as a broker that does not have the API.
   * @throws InputError when the cluster can answer none of them.
   */
  limit(api: Api, last: number, first = 0): void {
    if (last < 0) {
      this.#offered.delete(api.key);
      return;
    }
    const original = this.#original.get(api.key);
    const versions = original && common(original.versions, [first, last]);
    if (versions === undefined) {
      const known = original === undefined ? 'it is not offered' : `it is offered in ${original.versions[0]} to ${original.versions[1]}`;
      throw new InputError(`limit ${api.name} to versions ${first} to ${last}: ${known}`);
    }
    this.#offered.set(api.key, { api, versions, listedFrom: first > 0 ? undefined : original?.listedFrom });
  }

  /** Takes every limit back. */
  reset(): void {
    for (const [key, offer] of this.#original) this.#offered.set(key, offer);
  }
}
