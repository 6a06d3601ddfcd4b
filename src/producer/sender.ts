import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { asKafkaError, type KafkaError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { withPersistence } from '../base/persistence.js';
import type { RetryPolicy } from '../base/retry.js';
import { Bell } from '../base/wait.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { Cluster } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { Produce } from '../protocol/index.js';
import type { SealOptions } from '../records/index.js';
import type { Batch } from './batch.js';
import { Identifying } from './identifying.js';
import type { Identity } from './identity.js';
import type { Lane } from './lane.js';
import { Linger } from './linger.js';
import { type Refusals, RefusedRecordsError } from './old-broker.js';
import {
  answersOf,
  lastWithNames,
  type Parcel,
  type PartitionAnswer,
  type ProduceAnswer,
  produceBody,
  refusal,
} from './produce-request.js';
import { logAgain, logStored } from './producer-log.js';
import { halves, rebuild } from './rebuild.js';
import { leaderOf, type Trouble, Troubles } from './trouble.js';
import { Unsettled, type UnsettledEvents } from './unsettled.js';
import { verdictOf } from './verdict.js';

export interface SenderSettings {
  /** -1: all in-sync replicas. */
  readonly acks: -1 | 0 | 1;
  readonly ackTimeoutMs: number;
  readonly maxRequestBytes: number;
  readonly deliveryTimeoutMs: number;
  /** Longest time in ms that a record waits for others to go with it. */
  readonly lingerMs: number;
  readonly retry: RetryPolicy;
  readonly onUnsure: 'retry' | 'reject';
  readonly seal: SealOptions;
}

/** Requests without an answer at one broker; further batches wait, and grow meanwhile. Kafka: max.in.flight.requests.per.connection. */
const maxInFlight = 5;
/** The most that a request takes beside the batches, and for each of them. */
const requestFrameBytes = 256;
const batchFrameBytes = 64;
/** How much longer than the broker is given we wait for its answer. */
const answerMarginMs = 5000;

/**
 * Takes batches to the leaders of their partitions, in order per partition through every retry; all that is ready for one broker in one
 * request. When one of several batches of a partition fails, the others come back first, then all are sent again in their order. A
 * partition in trouble pauses alone.
 */
export class Sender {
  readonly #cluster: Cluster;
  readonly #settings: SenderSettings;
  readonly #log: Log | undefined;
  readonly #identity: Identity;
  readonly #linger: Linger;
  readonly #ready = new Set<Lane>();
  readonly #troubles: Troubles;
  readonly #troubled = new Map<Lane, Trouble>();
  readonly #unsettled: Unsettled;
  readonly #identifying: Identifying;
  readonly #inFlight = new Map<number, number>();
  /** Rung when a request comes back. */
  readonly #returned = new Bell();
  #sendingCount = 0;
  /** What comes back is rejected with this. */
  #abandoning: KafkaError | undefined;
  #scheduled = false;
  #closed = false;

  constructor(cluster: Cluster, settings: SenderSettings, identity: Identity, log: Log | undefined, events: UnsettledEvents) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#identity = identity;
    this.#log = log;
    this.#linger = new Linger(cluster.clock, settings.lingerMs, lane => this.wake(lane));
    this.#troubles = new Troubles(cluster, settings.retry, lane => this.proceed(lane));
    this.#unsettled = new Unsettled(cluster.clock, settings.deliveryTimeoutMs, identity, events);
    this.#identifying = new Identifying(cluster, settings.retry, identity, {
      isWanted: () => !this.#unsettled.isEmpty,
      refused: error => this.#nameless(error),
      ended: () => {
        if (this.#ready.size > 0) this.#schedule();
      },
    });
  }

  /** Answers for `batch`, a new one of `lane`, from now on. */
  watch(lane: Lane, batch: Batch): void {
    this.#unsettled.add(lane, batch);
  }

  /** Sends what `lane` holds, once it has waited long enough, on a later turn of the loop, so that calls of one turn share a request. */
  wake(lane: Lane): void {
    if (lane.state !== 'idle' || lane.empty || !lane.hasWindow || !this.#linger.isDue(lane)) return;
    lane.state = 'ready';
    this.#ready.add(lane);
    this.#schedule();
  }

  /** A lane that nothing stands in the way of any more goes on with what it holds. */
  proceed(lane: Lane): void {
    lane.state = 'idle';
    if (!this.#closed) this.wake(lane);
  }

  /** Lets nothing wait for others until the function it gives is called. */
  push(): () => void {
    return this.#linger.push();
  }

  /** Every batch that is not settled. */
  unsettled(): readonly Batch[] {
    return [...this.#unsettled];
  }

  /** Rejects what is not on its way, and what comes back without being stored; resolves when nothing is on its way. */
  async abandon(error: KafkaError): Promise<void> {
    this.#abandoning = error;
    this.rejectWaiting(error);
    while (this.#sendingCount > 0) await this.#returned.wait();
    this.#abandoning = undefined;
  }

  /** Rejects what waits in a lane that was held back. */
  refuse(lane: Lane, error: KafkaError): void {
    for (const batch of lane.takeAll()) this.#unsettled.reject(lane, batch, error);
    this.proceed(lane);
  }

  /** Rejects what is not on its way. */
  rejectWaiting(error: KafkaError): void {
    for (const batch of this.unsettled()) {
      const lane = this.#unsettled.laneOf(batch);
      if (lane === undefined || lane.isSending(batch)) continue;
      lane.drop(batch);
      this.#unsettled.reject(lane, batch, error);
    }
  }

  /** Gives up on everything, and stops. What is on its way may be stored all the same, and its error says so. */
  close(error: KafkaError): void {
    this.#closed = true;
    this.#troubles.close();
    this.#linger.close();
    this.#identifying.close();
    this.#unsettled.close(error);
    this.#ready.clear();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#cluster.clock.soon(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#dispatch();
    });
  }

  /** Sends the next batch of every ready lane whose leader takes more requests now. */
  #dispatch(): void {
    if (this.#identity.series === undefined) {
      this.#identifying.begin();
      return;
    }
    const byLeader = new Map<number, { lane: Lane; topic: TopicInfo }[]>();
    for (const lane of this.#ready) {
      const topic = this.#cluster.topic(lane.topic);
      let leader: number;
      try {
        leader = leaderOf(topic, lane);
      } catch (error) {
        this.#ready.delete(lane);
        this.#leaderless(lane, topic, withPersistence(asKafkaError(error, 'no'), 'no')); // nothing was sent
        continue;
      }
      lane.deniedCount = 0;
      if (topic === undefined) continue;
      if (!this.#identity.admits(lane)) {
        this.#ready.delete(lane);
        lane.state = 'paused';
        continue;
      }
      const routed = byLeader.get(leader);
      if (routed === undefined) byLeader.set(leader, [{ lane, topic }]);
      else routed.push({ lane, topic });
    }
    for (const [leader, routed] of byLeader) {
      let next = 0;
      while (next < routed.length && (this.#inFlight.get(leader) ?? 0) < maxInFlight) next = this.#fill(leader, routed, next);
    }
  }

  /** It may not send at all. */
  #nameless(error: KafkaError): void {
    this.#ready.clear();
    for (const lane of this.#unsettled.lanes()) if (lane.state === 'ready') lane.state = 'idle';
    this.rejectWaiting(error);
  }

  /** Sends one request with as many of `routed`, from number `from`, as it may take; gives the number of the first left out. */
  #fill(leader: number, routed: readonly { readonly lane: Lane; readonly topic: TopicInfo }[], from: number): number {
    const series = this.#identity.series ?? 'none';
    const parcels: Parcel[] = [];
    let size = requestFrameBytes;
    let next = from;
    for (; next < routed.length; next++) {
      const { lane, topic } = routed[next] ?? {};
      if (lane === undefined || topic === undefined) break;
      size += lane.nextBytes + batchFrameBytes + lane.topic.length;
      if (parcels.length > 0 && size > this.#settings.maxRequestBytes) break;
      this.#ready.delete(lane);
      lane.state = 'idle';
      const batch = lane.take(series);
      if (batch?.bytes === undefined) {
        if (batch !== undefined) {
          lane.arrived(batch);
          this.#unsettled.reject(lane, batch, batch.failure ?? notSealed(lane));
        }
      } else {
        batch.attempts += 1;
        parcels.push({ lane, batch, topic });
      }
      this.wake(lane);
    }
    if (parcels.length > 0) void this.#send(leader, parcels);
    return next;
  }

  async #send(leader: number, parcels: readonly Parcel[]): Promise<void> {
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) + 1);
    this.#sendingCount += 1;
    await this.#deliver(leader, parcels);
    this.#sendingCount -= 1;
    this.#returned.ring();
  }

  async #deliver(leader: number, parcels: readonly Parcel[]): Promise<void> {
    let answer: ProduceAnswer | undefined;
    let failure: KafkaError | undefined;
    try {
      answer = await this.#request(leader, parcels);
    } catch (error) {
      failure = asKafkaError(error, 'maybe');
    }
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 1) - 1);
    if (this.#ready.size > 0) this.#schedule();
    if (failure instanceof RefusedRecordsError) {
      for (const { lane, batch } of parcels) this.#leaveOut(lane, batch, failure.refused.get(batch));
      return;
    }
    if (failure === undefined && this.#settings.acks === 0) {
      for (const parcel of parcels) this.#acknowledge(parcel, -1, -1);
      return;
    }
    const found = failure === undefined ? answersOf(answer) : undefined;
    for (const parcel of parcels) {
      const { name, id } = parcel.topic;
      const partition = found?.get(`${name}/${parcel.lane.partition}`) ?? found?.get(`${id}/${parcel.lane.partition}`);
      if (partition?.errorCode === 0) this.#acknowledge(parcel, partition.baseOffset, partition.logAppendTimeMs);
      else {
        const error = failure ?? refusal(parcel.lane, leader, this.#settings.acks, partition);
        const moved = partition !== undefined && this.#cluster.leaderMoved(name, partition, answer?.nodeEndpoints ?? []);
        this.#failed(parcel, leader, error, partition?.recordErrors ?? [], moved);
      }
    }
  }

  #request(leader: number, parcels: readonly Parcel[]): Promise<ProduceAnswer> {
    const { acks, ackTimeoutMs, seal } = this.#settings;
    const { transactionalId, maxVersion } = this.#identity;
    const byName = parcels.some(({ topic }) => topic.id === ZERO_UUID) ? lastWithNames : undefined;
    return this.#cluster.toBroker(leader, Produce, produceBody(leader, parcels, { transactionalId, acks, ackTimeoutMs, seal }), {
      maxVersion: byName === undefined ? maxVersion : Math.min(byName, maxVersion ?? byName),
      answered: acks !== 0,
      // The broker may take as long as it was told before it answers.
      timeoutMs: Math.max(this.#cluster.settings.requestTimeoutMs, ackTimeoutMs + answerMarginMs),
    });
  }

  #acknowledge({ lane, batch }: Pick<Parcel, 'lane' | 'batch'>, baseOffset: number, appendTime: number): void {
    lane.arrived(batch);
    lane.stored(batch);
    if (this.#log !== undefined) logStored(this.#log, batch, baseOffset);
    if (!batch.settled) this.#unsettled.stored(lane, batch, baseOffset, appendTime);
    this.#moved(lane);
  }

  /** An attempt that stored nothing for certain. What is done about it concerns this lane alone. */
  #failed(
    { lane, batch, topic }: Parcel,
    leader: number,
    error: KafkaError,
    recordErrors: PartitionAnswer['recordErrors'],
    leaderKnown: boolean,
  ): void {
    if (error.persistence === 'maybe') batch.unsure = true;
    batch.failure = error;
    if (batch.settled) {
      lane.arrived(batch); // its time ran out meanwhile
      this.#drain(lane);
      return;
    }
    const { onUnsure, seal } = this.#settings;
    // A record that is not there cannot be left out: the rest, sent again, would be blamed again.
    const reasons = new Map(
      recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => [batchIndex, batchIndexErrorMessage ?? error.message]),
    );
    const blamed = [...reasons.keys()].filter(place => place >= 0 && place < batch.count);
    const { mayRestart, isOptional: optional } = this.#identity;
    const numbered = batch.series === undefined ? undefined : { first: lane.isFirst(batch), mayRestart, optional };
    const verdict = verdictOf({ error, count: batch.count, blamed, onUnsure, numbered });
    const trouble = { leader, attempts: batch.attempts, restart: false };
    switch (verdict) {
      case 'reject':
        lane.arrived(batch);
        this.#unsettled.reject(lane, batch, error);
        this.#drain(lane);
        break;
      case 'stored':
        this.#acknowledge({ lane, batch }, -1, -1);
        break;
      case 'split':
        lane.shrink(batch);
        this.#unsettled.replace(lane, batch, halves(batch, seal));
        this.#drain(lane);
        break;
      case 'sort-out':
        this.#sortOut(lane, batch, error, reasons);
        this.#drain(lane);
        break;
      case 'restart':
      case 'retry':
        this.#again(batch, error);
        lane.cameBack(batch, batch);
        this.#drain(lane, { ...trouble, remedy: 'retry', restart: verdict === 'restart' });
        break;
      case 'unnumber':
        lane.goWithoutNumbers();
        this.#again(batch, error);
        lane.cameBack(batch, batch);
        this.#drain(lane);
        break;
      case 'refresh':
        this.#again(batch, error);
        if (!leaderKnown) this.#cluster.outdated(topic);
        lane.cameBack(batch, batch);
        this.#drain(lane, { ...trouble, remedy: 'refresh' });
        break;
      default:
        verdict satisfies never;
    }
  }

  #again(batch: Batch, error: KafkaError): void {
    this.#cluster.passing(error, 0);
    if (this.#log !== undefined) logAgain(this.#log, batch, error);
  }

  /** Something of the lane has come to an end. */
  #moved(lane: Lane): void {
    if (lane.state === 'draining') this.#drain(lane);
    else this.wake(lane);
  }

  /** Sends nothing more of the lane before all that is on its way has come back; the first trouble is the one that counts. */
  #drain(lane: Lane, trouble?: Trouble): void {
    this.#ready.delete(lane);
    lane.state = 'draining';
    if (trouble !== undefined && !this.#troubled.has(lane)) this.#troubled.set(lane, trouble);
    if (lane.sendingCount > 0) return;
    const { remedy, restart, ...rest } = this.#troubled.get(lane) ?? { remedy: undefined, leader: -1, attempts: 1, restart: false };
    this.#troubled.delete(lane);
    lane.gather();
    if (this.#abandoning !== undefined) for (const batch of lane.takeAll()) this.#unsettled.reject(lane, batch, this.#abandoning);
    const { series } = lane.numbering;
    if (restart) lane.restart();
    else if (this.#identity.mayRestart) lane.mendGap();
    if (series !== undefined && lane.numbering.series === undefined) this.#identity.exhausted(series);
    this.#troubles.mend(lane, { ...rest, remedy: lane.empty ? undefined : remedy });
  }

  /** Refuses the records the broker blames, each with what it says of it, and sends the others again. */
  #sortOut(lane: Lane, batch: Batch, error: KafkaError, reasons: ReadonlyMap<number, string>): void {
    const { errno = errorNumbers.INVALID_RECORD, context } = error;
    const refused = new Map<number, KafkaError>();
    for (const [place, message] of reasons) {
      refused.set(place, brokerError(errno, `produce ${lane.topic}/${lane.partition}`, { message, context }));
    }
    this.#refuse(lane, batch, refused);
  }

  /** What was not sent, since records of the request are nothing for this broker, is sent again without them. */
  #leaveOut(lane: Lane, batch: Batch, refused: Refusals | undefined): void {
    batch.attempts -= 1;
    if (batch.settled) lane.arrived(batch);
    else if (refused === undefined) lane.cameBack(batch, batch);
    else this.#refuse(lane, batch, refused);
    this.#drain(lane);
  }

  /** Rejects these records; the others, if any, stand in the place of the batch. */
  #refuse(lane: Lane, batch: Batch, refused: Refusals): void {
    const places = Array.from({ length: batch.count }, (_, place) => place);
    const others = places.filter(place => !refused.has(place));
    this.#unsettled.replace(lane, batch, others.length === 0 ? [] : [rebuild(batch, others, this.#settings.seal)]);
    for (const place of places) {
      const error = refused.get(place);
      if (error !== undefined) this.#unsettled.reject(lane, batch.part([place]), error);
    }
  }

  /** Nobody leads the partition, or it does not exist. */
  #leaderless(lane: Lane, topic: TopicInfo | undefined, error: KafkaError): void {
    if (lane.sendingCount > 0) {
      if (topic !== undefined) this.#cluster.outdated(topic);
      this.#drain(lane, { remedy: 'refresh', leader: -1, attempts: 1, restart: false });
      return;
    }
    if (this.#troubles.awaitLeader(lane, topic, error)) return;
    lane.state = 'idle';
    for (const batch of lane.takeAll()) this.#unsettled.reject(lane, batch, error);
    this.#drain(lane);
  }
}

const notSealed = ({ topic, partition }: Lane): KafkaError => asKafkaError(new Error(`batch of ${topic}/${partition} without bytes`), 'no');
