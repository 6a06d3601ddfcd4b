import type { Clock } from '../base/clock.js';
import { InputError } from '../base/errors.js';
import { FetchSessions } from './fetch-sessions.js';
import { GroupOffsets } from './group-offsets.js';
import { GroupCoordinator } from './groups/coordinator.js';
import type { EmbeddedOptions } from './options.js';
import { ProducerIds } from './producer-ids.js';
import { NO_LEADER, Partition, Topic } from './topic.js';
import { topicConfigDefaults, wrongConfig, wrongTopicName } from './topic-configs.js';
import { Transactions } from './transactions.js';

/** Where a broker listens. */
export interface BrokerAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** A topic to be created. */
export interface TopicPlan {
  readonly name: string;
  readonly configs: ReadonlyMap<string, string>;
  /** Per partition the brokers that hold it, the leader first. */
  readonly replicas: readonly (readonly number[])[];
}

/** Everything the brokers of one cluster know in common. No I/O: the network is laid around it. */
export class ClusterState {
  readonly clusterId = 'tidemark-embedded-0001';
  readonly options: EmbeddedOptions;
  readonly clock: Clock;
  readonly groups = new GroupOffsets();
  readonly producerIds = new ProducerIds();
  readonly transactions: Transactions;
  /** Who is in the groups. */
  readonly coordinator: GroupCoordinator;
  readonly topics = new Map<string, Topic>();
  /** What topics have where they are not configured. */
  readonly configDefaults: ReadonlyMap<string, string>;
  readonly #addresses = new Map<number, BrokerAddress>();
  readonly #live = new Set<number>();
  readonly #topicsById = new Map<string, Topic>();
  readonly #fetchSessions = new Map<number, FetchSessions>();
  readonly #coordinators = new Map<string, number>();
  #coordinatorOfAll: number | undefined;
  #topicsMade = 0;

  constructor(options: EmbeddedOptions) {
    this.options = options;
    this.clock = options.clock;
    this.configDefaults = new Map([
      ...topicConfigDefaults,
      ['max.message.bytes', String(options.maxMessageBytes)],
      ['retention.bytes', String(options.retentionBytes)],
    ]);
    const { clock, producerIds, groups, topics } = this;
    const has = (partition: Partition): boolean => this.partition(partition.topic, partition.index) === partition;
    this.transactions = new Transactions({ clock, producerIds, groups, has, bumpsEpochs: this.transactionVersion >= 2 });
    this.coordinator = new GroupCoordinator({
      ...options,
      topics,
      offsets: groups,
      isNew: this.hasNewCoordinator,
      isBefore3: options.emulate === '1.1' || options.emulate === '2.8',
      topicById: id => this.topicById(id),
      coordinatorOf: group => this.coordinatorOf(group)?.id ?? -1,
    });
  }

  /** The level of the feature `transaction.version`. From 2 on each transaction has an epoch of its own (KIP-890). */
  get transactionVersion(): number {
    return this.options.transactionVersion ?? (this.hasNewCoordinator ? 2 : 0);
  }

  /** Whether groups are coordinated as from 4.0 on: that was written anew then, and differs a little. */
  get hasNewCoordinator(): boolean {
    const { emulate } = this.options;
    return emulate === undefined || emulate === '4.1';
  }

  /** Every broker, also those that are stopped, by ascending id. */
  get brokerIds(): readonly number[] {
    return [...this.#addresses.keys()];
  }

  /** The brokers that are up. */
  liveBrokers(): readonly BrokerAddress[] {
    return [...this.#addresses.values()].filter(({ id }) => this.#live.has(id));
  }

  isLive(broker: number): boolean {
    return this.#live.has(broker);
  }

  address(broker: number): BrokerAddress | undefined {
    return this.#addresses.get(broker);
  }

  /** What a broker remembers of those who fetch from it, until it stops. */
  fetchSessions(broker: number): FetchSessions {
    const known = this.#fetchSessions.get(broker) ?? new FetchSessions(this.clock, this.options.maxFetchSessions);
    this.#fetchSessions.set(broker, known);
    return known;
  }

  /** Where a broker is; null when nobody has said. */
  rack(broker: number): string | null {
    return this.options.racks[broker - 1] ?? null;
  }

  /** The replica that a client in `rack` is to read from instead of the leader; undefined for none. */
  nearer({ leader, replicas }: Partition, rack: string): number | undefined {
    if (this.options.replicaSelector === 'leader' || rack === '' || this.rack(leader) === rack) return undefined;
    return replicas.find(id => this.#live.has(id) && this.rack(id) === rack);
  }

  /** The broker with the lowest id of those that are up; -1 when none is. */
  get controllerId(): number {
    return this.liveBrokers()[0]?.id ?? -1;
  }

  /** Takes a broker in: it leads what it holds and nobody leads. */
  brokerUp(address: BrokerAddress): void {
    this.#addresses.set(address.id, address);
    this.#live.add(address.id);
    for (const partition of this.partitions()) {
      if (partition.leader === NO_LEADER && partition.replicas.includes(address.id)) partition.lead(address.id);
      this.#settleMove(partition);
    }
    this.coordinator.moved();
  }

  /** Takes a broker out. What it led is led by the next replica that is up, or by nobody. */
  brokerDown(broker: number, moveLeaders: boolean): void {
    this.#live.delete(broker);
    this.#fetchSessions.delete(broker);
    for (const partition of this.partitions()) {
      if (partition.leader !== broker) continue;
      const next = moveLeaders ? partition.replicas.find(id => this.#live.has(id)) : undefined;
      partition.lead(next ?? NO_LEADER);
    }
    this.coordinator.moved();
  }

  /** Has a partition kept by these brokers: at once, or as soon as all of them are up that do not keep it yet. Leaves a move before it. */
  move(partition: Partition, target: readonly number[]): void {
    this.leaveMove(partition);
    const { replicas } = partition;
    const removing = replicas.filter(id => !target.includes(id));
    partition.move = { adding: target.filter(id => !replicas.includes(id)), removing };
    partition.replicas = [...target, ...removing];
    this.#settleMove(partition);
  }

  /** Goes back to the brokers before the move; false when there is none. */
  leaveMove(partition: Partition): boolean {
    const { move } = partition;
    if (move === undefined) return false;
    partition.move = undefined;
    this.#keep(
      partition,
      partition.replicas.filter(id => !move.adding.includes(id)),
    );
    return true;
  }

  #settleMove(partition: Partition): void {
    const { move } = partition;
    if (move === undefined || !move.adding.every(id => this.#live.has(id))) return;
    partition.move = undefined;
    this.#keep(
      partition,
      partition.replicas.filter(id => !move.removing.includes(id)),
    );
  }

  #keep(partition: Partition, replicas: readonly number[]): void {
    partition.replicas = replicas;
    if (!replicas.includes(partition.leader)) partition.lead(replicas.find(id => this.#live.has(id)) ?? NO_LEADER);
  }

  *partitions(): Generator<Partition> {
    for (const topic of this.topics.values()) yield* topic.partitions;
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.topics.get(topic)?.partitions[index];
  }

  topicById(id: string): Topic | undefined {
    return this.#topicsById.get(id);
  }

  /** The in-sync replicas: those that are up. */
  inSync(partition: Partition): readonly number[] {
    return partition.replicas.filter(id => this.#live.has(id));
  }

  /**
   * Spreads `count` partitions over the brokers that are up: partition i begins at broker i, counted in a circle.
   * @throws InputError when there are fewer brokers than replicas.
   */
  spread(count: number, replicationFactor = this.options.replicationFactor): number[][] {
    const ids = this.liveBrokers().map(({ id }) => id);
    const factor = replicationFactor ?? Math.min(3, ids.length);
    if (factor > ids.length) throw new InputError(`a replication factor of ${factor} needs as many brokers, ${ids.length} are up`);
    return Array.from({ length: count }, (_, i) => Array.from({ length: factor }, (_, j) => ids[(i + j) % ids.length] as number));
  }

  /** @throws InputError when the name is not legal or taken, or a configuration is wrong. */
  createTopic({ name, configs, replicas }: TopicPlan): Topic {
    const wrong = wrongTopicName(name) ?? (this.topics.has(name) ? `Topic '${name}' already exists.` : undefined) ?? wrongConfigs(configs);
    if (wrong !== undefined) throw new InputError(`create topic ${JSON.stringify(name)}: ${wrong}`);
    const partitions = replicas.map((ids, index) => new Partition(name, index, ids, ids.find(id => this.#live.has(id)) ?? NO_LEADER));
    const topic = new Topic(name, this.#newTopicId(), partitions, configs, this.configDefaults);
    this.topics.set(name, topic);
    this.#topicsById.set(topic.id, topic);
    return topic;
  }

  deleteTopic(topic: Topic): void {
    this.topics.delete(topic.name);
    this.#topicsById.delete(topic.id);
    this.groups.forgetTopic(topic.name);
    for (const partition of topic.partitions) partition.changed();
  }

  /** The broker that coordinates a group or a transactional id; undefined when none is up. */
  coordinatorOf(key: string): BrokerAddress | undefined {
    const chosen = this.#coordinators.get(key) ?? this.#coordinatorOfAll;
    if (chosen !== undefined && this.#live.has(chosen)) return this.#addresses.get(chosen);
    const live = this.liveBrokers();
    return live[hash(key) % live.length];
  }

  /** Makes a broker the coordinator of `key`, or of everything. It stays that as long as it is up. */
  moveCoordinator(broker: number, key?: string): void {
    if (key === undefined) {
      this.#coordinators.clear();
      this.#coordinatorOfAll = broker;
    } else this.#coordinators.set(key, broker);
    this.coordinator.moved();
  }

  /** Empties every partition and forgets all groups with their offsets, and all transactions. Topics, leaders and epochs stay. */
  forgetRecords(): void {
    this.coordinator.clear();
    this.groups.clear();
    this.transactions.clear();
    for (const partition of this.partitions()) {
      partition.clear();
      partition.changed();
    }
  }

  /** Ids count up, and never are one of those that Kafka keeps for itself. */
  #newTopicId(): string {
    const id = Buffer.from('tidemark\0\0\0\0\0\0\0\0', 'latin1');
    id.writeUInt32BE(++this.#topicsMade, 12);
    return id.toString('base64url');
  }
}

function wrongConfigs(configs: ReadonlyMap<string, string>): string | undefined {
  for (const [name, value] of configs) {
    const wrong = wrongConfig(name, value);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Any fixed function will do; this one spreads short names well (FNV-1a). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
