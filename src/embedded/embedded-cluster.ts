import type { Socket } from 'node:net';
import { asError, InputError } from '../base/errors.js';
import type { Api } from '../protocol/index.js';
import { type CompressionName, encodeBatch, type RecordInput, readBatches } from '../records/index.js';
import { BrokerServer, HOST } from './broker-server.js';
import { ClusterState } from './cluster-state.js';
import { Dispatcher, type Services } from './dispatcher.js';
import { Faults, type FaultsOn } from './faults.js';
import type { CommittedOffset } from './group-offsets.js';
import type { GroupMember, GroupState } from './groups/group.js';
import { handlersByKey } from './handlers/index.js';
import { withWrongChecksum } from './log.js';
import type { Matching } from './match.js';
import {
  type EmbeddedClusterOptions,
  type EmbeddedOptions,
  embeddedOptions,
  type TopicOptions,
  type TopicSettings,
  topicSettings,
} from './options.js';
import { RequestLog, type SeenRequest } from './request-log.js';
import { ServerConnection } from './server-connection.js';
import { recordsOf, type StoredRecord } from './stored-records.js';
import type { Partition } from './topic.js';
import type { TransactionState } from './transactional-id.js';
import { OfferedVersions } from './versions.js';

/** How records are put into a batch by {@link EmbeddedCluster.append}. */
export interface AppendBatchOptions {
  /** Default `'none'`. */
  readonly compression?: CompressionName | undefined;
  /** Where the batch begins. Above the end of the log it leaves a gap, as compaction does. Default: the end. */
  readonly baseOffset?: number | undefined;
  /** Default -1, of no idempotent producer; so are the next two. */
  readonly producerId?: number | undefined;
  readonly producerEpoch?: number | undefined;
  readonly baseSequence?: number | undefined;
  readonly isTransactional?: boolean | undefined;
  /** The batch is one that brokers write for themselves, and no consumer shows. */
  readonly isControl?: boolean | undefined;
}

/** The most failures that are kept. */
const MAX_ERRORS = 1000;

/**
 * A Kafka cluster inside this process: brokers that listen on 127.0.0.1 and speak the protocol, with partitions in memory, and with faults
 * on command. It knows nothing of tidemark's client. Nothing in it is left to chance: ids, leaders and coordinators follow from the options.
 */
export class EmbeddedCluster {
  readonly #options: EmbeddedOptions;
  readonly #state: ClusterState;
  readonly #faults: Faults;
  readonly #log: RequestLog;
  readonly #offered: OfferedVersions;
  readonly #servers = new Map<number, BrokerServer>();
  #errors: Error[] = [];
  #connections = 0;

  private constructor(options: EmbeddedOptions) {
    const nameOf = (id: string): string | undefined => this.#state.topicById(id)?.name;
    this.#options = options;
    this.#state = new ClusterState(options);
    this.#faults = new Faults(options.clock, nameOf);
    this.#log = new RequestLog(options.rememberRequests, nameOf);
    this.#offered = new OfferedVersions(handlersByKey.values(), options.emulate);
    const services: Services = {
      state: this.#state,
      handlers: handlersByKey,
      offered: this.#offered,
      faults: this.#faults,
      log: this.#log,
    };
    for (let id = 1; id <= options.brokers; id++) {
      const dispatcher = new Dispatcher(services, id, error => this.#failed(error));
      const connect = (socket: Socket): ServerConnection =>
        new ServerConnection(
          ++this.#connections,
          socket,
          (frame, connection) => dispatcher.receive(frame, connection),
          error => this.#failed(error),
        );
      this.#servers.set(id, new BrokerServer(id, options.port === 0 ? 0 : options.port + id - 1, connect));
    }
  }

  /**
   * A cluster that is up, with its topics.
   * @throws InputError `TIDE_OPTION` for options that cannot be; Node's error when a port is taken.
   */
  static async start(options?: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
    const cluster = new EmbeddedCluster(embeddedOptions(options));
    try {
      for (const id of cluster.#servers.keys()) await cluster.startBroker(id);
      for (const [name, settings] of cluster.#options.topics) cluster.#create(name, settings);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** The address of every broker as `host:port`, those that are stopped included: what a client is given. */
  get brokers(): string[] {
    return [...this.#servers.values()].map(({ port }) => `${HOST}:${port}`);
  }

  /** The ids of the brokers: 1, 2, 3 and so on. */
  get brokerIds(): readonly number[] {
    return this.#state.brokerIds;
  }

  get clusterId(): string {
    return this.#state.clusterId;
  }

  /** Why connections were closed that a broker could not serve: bytes that are no request, APIs and versions that are not offered. */
  get errors(): readonly Error[] {
    return [...this.#errors];
  }

  /** The topics there are, with their numbers of partitions. */
  get topics(): ReadonlyMap<string, number> {
    return new Map([...this.#state.topics].map(([name, { partitions }]) => [name, partitions.length]));
  }

  /**
   * Creates a topic: partition i is led by broker i + 1, counted in a circle over the brokers that are up.
   * @throws InputError when the name is taken or not legal, or an option cannot be.
   */
  createTopic(name: string, options?: number | TopicOptions): void {
    this.#create(name, topicSettings(options));
  }

  /** @throws InputError when there is no such topic. */
  deleteTopic(name: string): void {
    const topic = this.#state.topics.get(name);
    if (topic === undefined) throw new InputError(`delete topic ${JSON.stringify(name)}: there is none`);
    this.#state.deleteTopic(topic);
  }

  /**
   * Appends records as one batch, without a client, and gives its base offset. A record without a timestamp gets the time of now.
   * @throws InputError for no records, for records that cannot be, for a base offset below the end.
   */
  append(topic: string, partition: number, records: Iterable<RecordInput>, options: AppendBatchOptions = {}): number {
    const { log } = this.#partition(topic, partition);
    const { baseOffset = log.endOffset, ...seal } = options;
    const now = this.#options.clock.wallTime();
    const stamped = Array.from(records, record => ({ ...record, timestamp: record.timestamp ?? now }));
    if (stamped.length === 0) throw new InputError(`append to ${topic}/${partition}: a batch needs a record`);
    this.appendBatch(topic, partition, encodeBatch(stamped, { ...seal, baseOffset }), baseOffset);
    return baseOffset;
  }

  /**
   * Appends one record batch (message format v2) as it is, but for its offset and epoch, and gives its base offset. It is copied.
   * Neither the offsets of its records nor its sequence numbers are checked; what it says of its producer and of transactions is remembered.
   * @throws CorruptRecordError for bytes that are no sound batch; InputError for more or less than one, or a base offset below the end.
   */
  appendBatch(topic: string, partition: number, bytes: Uint8Array, baseOffset?: number): number {
    const at = this.#partition(topic, partition);
    const { endOffset } = at.log;
    if (baseOffset !== undefined && baseOffset < endOffset) {
      throw new InputError(`append to ${topic}/${partition} at offset ${baseOffset}: the log ends at ${endOffset}`);
    }
    const own = Buffer.from(bytes);
    const batch = readBatches(own, { topic, partition }).next();
    if (batch?.sizeBytes !== own.length) throw new InputError(`append to ${topic}/${partition}: expected one whole batch`);
    const stored = at.append(own, batch, { baseOffset });
    at.log.retain(this.#state.topics.get(topic)?.retentionBytes ?? -1);
    at.changed();
    return stored.baseOffset;
  }

  /**
   * Everything a partition holds from the start of its log on, control batches left out.
   * @throws CorruptRecordError when it was damaged.
   */
  records(topic: string, partition: number): StoredRecord[] {
    return recordsOf(this.#partition(topic, partition));
  }

  /** The first offset a partition holds, and the offset its next record gets. */
  offsets(topic: string, partition: number): { readonly start: number; readonly end: number } {
    const { startOffset: start, endOffset: end } = this.#partition(topic, partition).log;
    return { start, end };
  }

  /** Where those stop who read what is committed: before the oldest open transaction, or at the end. */
  lastStableOffset(topic: string, partition: number): number {
    return this.#partition(topic, partition).lastStableOffset;
  }

  /**
   * Moves the start of a partition's log up to `beforeOffset`, as retention does. Not past its end, not back. Where release 1.1 is
   * imitated, idempotent producers of which nothing is left are forgotten.
   */
  trim(topic: string, partition: number, beforeOffset: number): void {
    const at = this.#partition(topic, partition);
    at.trim(beforeOffset);
    if (this.#options.emulate === '1.1') at.producers.forgetBelow(at.log.startOffset);
    at.changed();
  }

  /**
   * Forgets what idempotent producers have written to a partition, as Kafka does when they wrote nothing for long. What they send next may
   * begin at any sequence number, or is UNKNOWN_PRODUCER_ID where release 1.1 is imitated; in a transaction of level 2 it has to begin at 0.
   */
  forgetProducers(topic: string, partition: number): void {
    this.#partition(topic, partition).producers.clear();
  }

  /** Where a transactional id stands, in Kafka's words: `Empty`, `Ongoing`, `CompleteCommit` and so on. Undefined when nobody has used it. */
  transactionState(transactionalId: string): TransactionState | undefined {
    return this.#state.transactions.of(transactionalId)?.state;
  }

  /**
   * Aborts an open transaction as its time limit does: the producer that began it is fenced.
   * @throws InputError when none is open.
   */
  expireTransaction(transactionalId: string): void {
    if (this.#state.transactions.expire(transactionalId)) return;
    throw new InputError(`expire transaction ${JSON.stringify(transactionalId)}: none is open`);
  }

  /** Changes one bit of the stored batch that holds `offset`: its checksum is wrong from now on. */
  corrupt(topic: string, partition: number, offset: number): void {
    const { log } = this.#partition(topic, partition);
    const batch = log.batchAt(offset);
    if (batch === undefined || batch.baseOffset > offset)
      throw new InputError(`corrupt ${topic}/${partition}: no batch holds offset ${offset}`);
    log.replace(batch, withWrongChecksum(batch.bytes));
  }

  /** What a group has stored: `topic/partition` to offset and metadata. */
  committed(group: string): ReadonlyMap<string, CommittedOffset> {
    const all = new Map<string, CommittedOffset>();
    for (const [topic, partitions] of this.#state.groups.all(group)) {
      for (const [partition, committed] of partitions) all.set(`${topic}/${partition}`, committed);
    }
    return all;
  }

  /** Where a group stands, in Kafka's words: `Empty`, `PreparingRebalance`, `Stable` and so on. Undefined when there is no such group. */
  groupState(group: string): GroupState | undefined {
    return this.#state.coordinator.of(group)?.state;
  }

  /** Who is in a group, in the order they joined, and what each was told to read. Empty when there is no such group. */
  members(group: string): readonly GroupMember[] {
    return this.#state.coordinator.of(group)?.members() ?? [];
  }

  /**
   * The members of a group, once it is stable with so many of them: everybody was told what to read. Of a classic group the leader has said
   * so, and the others may be about to hear it.
   */
  async untilStable(group: string, count: number): Promise<readonly GroupMember[]> {
    const { coordinator } = this.#state;
    for (;;) {
      const members = this.members(group);
      if (members.length === count && this.groupState(group) === 'Stable') return members;
      await coordinator.changes.wait();
    }
  }

  /**
   * Has a group share its partitions anew. Members of a classic group hear of it with their next heartbeat, and have to join again; those of
   * the new protocol get a new epoch.
   * @throws InputError when it has no members.
   */
  rebalance(group: string): void {
    if (this.#state.coordinator.of(group)?.rebalance()) return;
    throw new InputError(`rebalance group ${JSON.stringify(group)}: it has no members`);
  }

  /**
   * Takes a member out of its group as its session timeout does. It learns so from the next answer: UNKNOWN_MEMBER_ID.
   * @throws InputError when there is no such member.
   */
  expireMember(group: string, memberId: string): void {
    if (this.#state.coordinator.of(group)?.expire(memberId)) return;
    throw new InputError(`expire member ${JSON.stringify(memberId)} of group ${JSON.stringify(group)}: there is none`);
  }

  /** Forgets records, groups with their offsets, transactions, faults, limits of versions, requests and errors. Topics, leaders and connections stay. */
  reset(): void {
    this.#state.forgetRecords();
    this.#faults.clear();
    this.#offered.reset();
    this.#log.clear();
    this.#errors = [];
  }

  /** The requests of one API, or all of them, that were seen so far, the first first. How many are kept: `rememberRequests`. */
  requests(): readonly SeenRequest[];
  requests<A extends Api>(api: A): readonly SeenRequest<A>[];
  requests(api?: Api): readonly SeenRequest[] {
    return api === undefined ? this.#log.all() : this.#log.of(api);
  }

  /** The next request of one API that arrives after this call. It is not handled yet when this resolves. */
  nextRequest<A extends Api>(api: A, match: Matching<A> = {}): Promise<SeenRequest<A>> {
    return this.#log.next(api, match);
  }

  /** What is to go wrong with the requests of one API that arrive from now on, or with those that match. */
  on<A extends Api>(api: A, match: Matching<A> = {}): FaultsOn<A> {
    return this.#faults.on(api, match);
  }

  /** Makes a broker the leader of a partition; a new epoch begins. A broker that did not hold it becomes a replica in place of the old leader. */
  moveLeader(topic: string, partition: number, broker: number): void {
    const at = this.#partition(topic, partition);
    this.#live(broker);
    if (!at.replicas.includes(broker)) {
      const replaced = at.replicas.includes(at.leader) ? at.leader : at.replicas[0];
      at.replicas = at.replicas.map(id => (id === replaced ? broker : id));
    }
    at.lead(broker);
  }

  /**
   * An unclean election: a broker becomes the leader that has not all of the log, which ends at `endOffset` from now on, or where the batch
   * began that holds it. What is appended next gets offsets that others had before, in a new epoch.
   * @throws InputError for a broker that is stopped or does not hold the partition.
   */
  electUncleanly(topic: string, partition: number, broker: number, endOffset: number): void {
    const at = this.#partition(topic, partition);
    this.#live(broker);
    if (!at.replicas.includes(broker)) throw new InputError(`elect broker ${broker} for ${topic}/${partition}: it does not hold it`);
    at.truncate(endOffset);
    at.lead(broker);
  }

  /** The id of the broker that leads a partition; -1 when none does. */
  leaderOf(topic: string, partition: number): number {
    return this.#partition(topic, partition).leader;
  }

  /** The leader's epoch: it grows with each leader. */
  leaderEpochOf(topic: string, partition: number): number {
    return this.#partition(topic, partition).leaderEpoch;
  }

  /** The id of the broker that coordinates a group or a transactional id; -1 when no broker is up. */
  coordinatorOf(key: string): number {
    return this.#state.coordinatorOf(key)?.id ?? -1;
  }

  /**
   * Makes a broker the coordinator of one group or transactional id, or of all. As in Kafka who waits at the one before is sent on
   * (NOT_COORDINATOR), and a classic group is again what it was when partitions were last assigned.
   */
  moveCoordinator(broker: number, key?: string): void {
    this.#live(broker);
    this.#state.moveCoordinator(broker, key);
  }

  /**
   * Stops a broker: its listener and connections are closed, and what it led is led by the next replica that is up.
   * @param options.moveLeaders False: what it led has no leader until it is back. Default true.
   */
  async stopBroker(id: number, { moveLeaders = true }: { readonly moveLeaders?: boolean | undefined } = {}): Promise<void> {
    const stopped = this.#server(id).stop(); // its connections are closed from here on: nobody hears of the new leaders from it
    this.#state.brokerDown(id, moveLeaders);
    await stopped;
  }

  /** Starts a broker that was stopped, on the port it had. It leads what nobody leads. @throws StateError `TIDE_STATE` when it runs. */
  async startBroker(id: number): Promise<void> {
    const server = this.#server(id);
    await server.listen();
    this.#state.brokerUp({ id, host: HOST, port: server.port });
  }

  /** Offers only these versions of an API; with a `max` below 0 none of it. Others are refused from now on, on open connections too. @throws InputError. */
  limitVersions(api: Api, max: number, min = 0): void {
    this.#offered.limit(api, max, min);
  }

  /** Closes every connection and listener. May be called again. */
  async close(): Promise<void> {
    this.#faults.clear();
    this.#state.transactions.clear();
    this.#state.coordinator.clear();
    await Promise.all([...this.#servers.values()].map(server => server.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #create(name: string, { partitions, replicationFactor, retentionBytes, configs }: TopicSettings): void {
    const replicas = this.#state.spread(partitions ?? this.#options.defaultPartitions, replicationFactor);
    const retention: [string, string][] = retentionBytes === undefined ? [] : [['retention.bytes', String(retentionBytes)]];
    this.#state.createTopic({ name, configs: new Map([...configs, ...retention]), replicas });
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.#state.partition(topic, partition);
    if (found === undefined) throw new InputError(`the embedded cluster has no ${topic}/${partition}`);
    return found;
  }

  #server(id: number): BrokerServer {
    const server = this.#servers.get(id);
    if (server === undefined) throw new InputError(`the embedded cluster has no broker ${id}: they are 1 to ${this.#servers.size}`);
    return server;
  }

  #live(broker: number): void {
    this.#server(broker);
    if (!this.#state.isLive(broker)) throw new InputError(`broker ${broker} is stopped`);
  }

  #failed(error: unknown): void {
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(asError(error));
  }
}
