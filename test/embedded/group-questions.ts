import {
  type Api,
  ApiVersions,
  CreateTopics,
  DescribeGroups,
  FindCoordinator,
  JoinGroup,
  ListGroups,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  type RequestOf,
  type ResponseOf,
  SyncGroup,
} from '../../src/protocol/index.js';
import { Interview } from './interview.js';
import { RawClient } from './raw-client.js';

const PARTITIONS = 4;

/** What a consumer says when it joins: it wants to read `topic`. The bytes behind it tell one subscription from another. */
export function subscription(topic: string, more = 0): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(8);
  head.writeInt32BE(1, 2);
  head.writeInt16BE(name.length, 6);
  const rest = Buffer.alloc(4 + more);
  rest.writeInt32BE(more);
  return Buffer.concat([head, name, rest]);
}

/** The questions of members, to one broker; `topic` is also the beginning of every group. */
export class GroupQuestions {
  readonly all: Interview;
  readonly topic: string;
  topicId = '';
  readonly #address: string;
  readonly #clients: RawClient[] = [];
  #offered: ReadonlyMap<number, number> = new Map();

  constructor(all: Interview, topic: string, address: string) {
    this.all = all;
    this.topic = topic;
    this.#address = address;
  }

  /** A topic with leaders. */
  async prepare(): Promise<void> {
    const { client } = this.all;
    const { apiKeys } = await client.request(ApiVersions, 0, {});
    this.#offered = new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]));
    await client.request(CreateTopics, 4, { topics: [{ name: this.topic, numPartitions: PARTITIONS, replicationFactor: 1 }] });
    for (;;) {
      const [found] = (await client.request(Metadata, this.last(Metadata), { topics: [{ name: this.topic }] })).topics;
      this.topicId = found?.topicId ?? '';
      if (found?.partitions.length === PARTITIONS && found.partitions.every(({ leaderId }) => leaderId >= 0)) break;
    }
    const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }));
    for (;;) {
      const { topics: listed } = await client.request(ListOffsets, 5, { replicaId: -1, topics: [{ name: this.topic, partitions }] });
      if (listed.flatMap(topic => topic.partitions).every(({ errorCode }) => errorCode === 0)) break;
    }
  }

  /** The last version that both sides know. */
  last(api: Api): number {
    return Math.min(api.versions[1], this.#offered.get(api.key) ?? -1);
  }

  /** A group whose coordinator is ready. */
  async group(name: string): Promise<string> {
    const groupId = `${this.topic}-${name}`;
    const { client } = this.all;
    while ((await client.request(FindCoordinator, 3, { key: groupId })).errorCode !== 0);
    while ((await client.request(OffsetFetch, 7, { groupId, topics: [] })).errorCode !== 0);
    return groupId;
  }

  /** A connection of its own, for requests that wait. */
  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.#address);
    this.#clients.push(client);
    return client;
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.all.client.close();
  }

  ask<A extends Api>(step: string, api: A, body: RequestOf<A>, version = this.last(api)): Promise<ResponseOf<A>> {
    return this.all.ask(step, api, version, body);
  }

  /** Waits until a group is in a state; what it was before does not count. */
  async until(groupId: string, state: string, members?: number): Promise<void> {
    for (;;) {
      const [group] = (await this.all.client.request(DescribeGroups, 4, { groups: [groupId] })).groups;
      if (group?.groupState === state && (members === undefined || group.members.length === members)) return;
      await new Promise(resolve => setTimeout(resolve, 5)); // nobody tells when a broker goes on
    }
  }

  async describe(step: string, groupId: string): Promise<void> {
    await this.ask(step, DescribeGroups, { groups: [groupId] });
  }

  /** What the broker lists of some groups. */
  async listed(
    step: string,
    names: readonly string[],
    filters: RequestOf<typeof ListGroups> = {},
    version = this.last(ListGroups),
  ): Promise<void> {
    const { errorCode, groups } = await this.all.client.request(ListGroups, version, filters);
    const own = groups.filter(({ groupId }) => names.includes(groupId));
    const lines = own.map(({ groupId, ...rest }) => JSON.stringify({ groupId: groupId.slice(this.topic.length), ...rest }));
    this.all.answers.push([`ListGroups v${version}: ${step}`, [errorCode, ...lines.sort()]]);
  }

  commit(step: string, groupId: string, who: object, version = Math.min(8, this.last(OffsetCommit)), topic = this.topic): Promise<unknown> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }] }];
    return this.ask(step, OffsetCommit, { groupId, ...who, topics }, version);
  }
}

interface Joining {
  readonly version?: number;
  /** The protocols that it knows, and how long each one's bytes are. */
  readonly protocols?: Readonly<Record<string, number>>;
  readonly protocolType?: string;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
}

/** One member of a classic group, on a connection of its own. */
export class Member {
  readonly q: GroupQuestions;
  readonly groupId: string;
  readonly instanceId: string | null;
  readonly client: RawClient;
  memberId = '';
  generationId = -1;
  readonly #name: string;

  private constructor(q: GroupQuestions, groupId: string, name: string, instanceId: string | null, client: RawClient) {
    this.q = q;
    this.groupId = groupId;
    this.#name = name;
    this.instanceId = instanceId;
    this.client = client;
  }

  static async of(q: GroupQuestions, groupId: string, name: string, instanceId: string | null = null): Promise<Member> {
    return new Member(q, groupId, name, instanceId, await q.connect());
  }

  get who() {
    return { memberId: this.memberId, groupInstanceId: this.instanceId };
  }

  /** Asks to join, and again where it is told its id first; gives how to hear what came of it. */
  async join(
    step: string,
    { version = this.q.last(JoinGroup), ...given }: Joining = {},
  ): Promise<() => Promise<ResponseOf<typeof JoinGroup>>> {
    if (this.memberId === '' && version >= 4 && this.instanceId === null) {
      const asked = this.client.request(JoinGroup, version, this.#joining(given), this.#name);
      const told = await this.q.all.heard(`${step}, ${this.#name} for an id`, JoinGroup, version, asked);
      this.memberId = told.memberId;
    }
    const asked = this.client.request(JoinGroup, version, this.#joining(given), this.#name);
    return async () => {
      const joined = await this.q.all.heard(`${step}, ${this.#name}`, JoinGroup, version, asked);
      if (joined.errorCode === 0) {
        this.memberId = joined.memberId;
        this.generationId = joined.generationId;
      }
      return joined;
    };
  }

  /** Joins, and nothing is in the way of that. */
  async joined(step: string, given: Joining = {}): Promise<ResponseOf<typeof JoinGroup>> {
    return (await this.join(step, given))();
  }

  #joining({ protocols = { range: 0 }, protocolType = 'consumer', sessionTimeoutMs = 60_000, rebalanceTimeoutMs = 60_000 }: Joining) {
    return {
      groupId: this.groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType,
      protocols: Object.entries(protocols).map(([name, more]) => ({ name, metadata: subscription(this.q.topic, more) })),
    };
  }

  /** Asks for its assignment; a leader gives each member one of another length. */
  sync(
    step: string,
    assigned: readonly Member[] = [],
    { version = this.q.last(SyncGroup), ...given }: Partial<RequestOf<typeof SyncGroup>> & { version?: number } = {},
  ): () => Promise<ResponseOf<typeof SyncGroup>> {
    const body = {
      groupId: this.groupId,
      generationId: this.generationId,
      ...(version >= 3 ? this.who : { memberId: this.memberId }),
      ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}),
      assignments: assigned.map(({ memberId }, i) => ({ memberId, assignment: Buffer.alloc(10 + i) })),
      ...given,
    };
    const asked = this.client.request(SyncGroup, version, body);
    return () => this.q.all.heard(`${step}, ${this.#name}`, SyncGroup, version, asked);
  }
}

/** Asks a broker all that `parts` ask. */
export async function groupInterview(
  address: string,
  topic: string,
  parts: readonly ((q: GroupQuestions) => Promise<void>)[],
): Promise<Interview> {
  const all = await Interview.begin(address, topic);
  const questions = new GroupQuestions(all, topic, address);
  await questions.prepare();
  for (const part of parts) await part(questions);
  questions.close();
  return all;
}
