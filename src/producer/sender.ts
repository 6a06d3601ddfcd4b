import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { Timer } from '../base/clock.js';
import { type KafkaError, TimeoutError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { withPersistence } from '../base/persistence.js';
import { backoffMs, type RetryPolicy } from '../base/retry.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { Cluster } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { leaderIn } from '../cluster/scatter.js';
import { Produce } from '../protocol/index.js';
import type { SealOptions } from '../records/index.js';
import type { Batch } from './batch.js';
import { Expiries } from './expiries.js';
import type { Lane } from './lane.js';
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
import { asKafkaError, verdictOf } from './verdict.js';

export interface SenderSettings {
  /** -1: all in-sync replicas. */
  readonly acks: -1 | 0 | 1;
  readonly ackTimeoutMs: number;
  readonly maxRequestBytes: number;
  readonly deliveryTimeoutMs: number;
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
 * Takes batches to the leaders of their partitions: one at a time for each partition, which keeps their order through every retry; all that
 * is ready for one broker in one request. A partition in trouble pauses alone.
 */
export class Sender {
  readonly #cluster: Cluster;
  readonly #settings: SenderSettings;
  readonly #log: Log | undefined;
  readonly #rejected: (batch: Batch, error: KafkaError) => void;
  readonly #ready = new Set<Lane>();
  readonly #pauses = new Map<Lane, Timer>();
  readonly #lanes = new Map<Batch, Lane>();
  readonly #unsettled: Expiries<Batch>;
  readonly #inFlight = new Map<number, number>();
  #scheduled = false;
  #closed = false;

  /** @param rejected Told of each batch that was given up. */
  constructor(cluster: Cluster, settings: SenderSettings, log: Log | undefined, rejected: (batch: Batch, error: KafkaError) => void) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#log = log;
    this.#rejected = rejected;
    this.#unsettled = new Expiries(cluster.clock, batch => this.#expire(batch));
  }

  /** Answers for `batch`, a new one of `lane`, from now on. */
  watch(lane: Lane, batch: Batch): void {
    this.#lanes.set(batch, lane);
    this.#unsettled.add(batch);
  }

  /** Sends what `lane` holds on a later turn of the loop, so that calls of one turn share a request. */
  wake(lane: Lane): void {
    if (lane.state !== 'idle') return;
    lane.state = 'ready';
    this.#ready.add(lane);
    this.#schedule();
  }

  /** Every batch that is not settled. */
  unsettled(): readonly Batch[] {
    return [...this.#unsettled];
  }

  /** Gives up on everything, and stops. What is on its way may be stored all the same, and its error says so. */
  close(error: KafkaError): void {
    this.#closed = true;
    for (const timer of this.#pauses.values()) timer.cancel();
    this.#pauses.clear();
    for (const batch of this.unsettled()) this.#reject(batch, error, this.#lanes.get(batch)?.sent === batch);
    this.#unsettled.close();
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
      const routed = byLeader.get(leader);
      if (topic === undefined) continue;
      if (routed === undefined) byLeader.set(leader, [{ lane, topic }]);
      else routed.push({ lane, topic });
    }
    for (const [leader, routed] of byLeader) {
      let next = 0;
      while (next < routed.length && (this.#inFlight.get(leader) ?? 0) < maxInFlight) next = this.#fill(leader, routed, next);
    }
  }

  /** Sends one request with as many of `routed`, from number `from`, as it may take; gives the number of the first left out. */
  #fill(leader: number, routed: readonly { readonly lane: Lane; readonly topic: TopicInfo }[], from: number): number {
    const parcels: Parcel[] = [];
    let size = requestFrameBytes;
    let next = from;
    for (; next < routed.length; next++) {
      const { lane, topic } = routed[next] ?? {};
      if (lane === undefined || topic === undefined) break;
      size += lane.nextBytes + batchFrameBytes + lane.topic.length;
      if (parcels.length > 0 && size > this.#settings.maxRequestBytes) break;
      this.#ready.delete(lane);
      const batch = lane.take();
      if (batch === undefined) {
        lane.state = 'idle';
      } else if (batch.bytes === undefined) {
        lane.arrived();
        if (batch.failure !== undefined) this.#reject(batch, batch.failure);
        this.#proceed(lane);
      } else {
        lane.state = 'sending';
        batch.attempts += 1;
        parcels.push({ lane, batch, topic });
      }
    }
    if (parcels.length > 0) void this.#send(leader, parcels);
    return next;
  }

  async #send(leader: number, parcels: readonly Parcel[]): Promise<void> {
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) + 1);
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
      else
        this.#failed(
          parcel,
          leader,
          failure ?? refusal(parcel.lane, leader, this.#settings.acks, partition),
          partition?.recordErrors ?? [],
        );
    }
  }

  #request(leader: number, parcels: readonly Parcel[]): Promise<ProduceAnswer> {
    const { acks, ackTimeoutMs } = this.#settings;
    return this.#cluster.toBroker(leader, Produce, produceBody(leader, parcels, this.#settings), {
      maxVersion: parcels.some(({ topic }) => topic.id === ZERO_UUID) ? lastWithNames : undefined,
      answered: acks !== 0,
      // The broker may take as long as it was told before it answers.
      timeoutMs: Math.max(this.#cluster.settings.requestTimeoutMs, ackTimeoutMs + answerMarginMs),
    });
  }

  #acknowledge({ lane, batch }: Parcel, baseOffset: number, appendTime: number): void {
    lane.arrived();
    if (this.#log !== undefined) logStored(this.#log, batch, baseOffset);
    if (!batch.settled) {
      this.#forget(batch);
      batch.acknowledge(baseOffset, appendTime);
    }
    this.#proceed(lane);
  }

  /** An attempt that stored nothing for certain. What is done about it concerns this lane alone. */
  #failed({ lane, batch, topic }: Parcel, leader: number, error: KafkaError, recordErrors: PartitionAnswer['recordErrors']): void {
    if (error.persistence === 'maybe') batch.unsure = true;
    batch.failure = error;
    if (batch.settled) {
      lane.arrived(); // its time ran out meanwhile
      this.#proceed(lane);
      return;
    }
    const { onUnsure, seal } = this.#settings;
    // A record that is not there cannot be left out: the rest, sent again, would be blamed again.
    const reasons = new Map(
      recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => [batchIndex, batchIndexErrorMessage ?? error.message]),
    );
    const blamed = [...reasons.keys()].filter(place => place >= 0 && place < batch.count);
    const verdict = verdictOf({ error, count: batch.count, blamed, onUnsure });
    switch (verdict) {
      case 'reject':
        lane.arrived();
        this.#reject(batch, error);
        this.#proceed(lane);
        break;
      case 'split':
        lane.shrink(batch);
        this.#replace(lane, batch, halves(batch, seal));
        this.#proceed(lane);
        break;
      case 'sort-out':
        this.#sortOut(lane, batch, error, reasons);
        this.#proceed(lane);
        break;
      case 'retry':
        this.#again(batch, error);
        lane.putBack(batch);
        this.#pause(lane, batch.attempts, () => this.#proceed(lane));
        break;
      case 'refresh':
        this.#again(batch, error);
        this.#cluster.outdated(topic);
        lane.putBack(batch);
        lane.state = 'paused';
        void this.#reroute(lane, leader, batch.attempts);
        break;
      default:
        verdict satisfies never;
    }
  }

  #again(batch: Batch, error: KafkaError): void {
    this.#cluster.passing(error, 0);
    if (this.#log !== undefined) logAgain(this.#log, batch, error);
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
    if (batch.settled) lane.arrived();
    else if (refused === undefined) lane.putBack(batch);
    else this.#refuse(lane, batch, refused);
    this.#proceed(lane);
  }

  /** Rejects these records; the others, if any, stand in the place of the batch. */
  #refuse(lane: Lane, batch: Batch, refused: Refusals): void {
    const places = Array.from({ length: batch.count }, (_, place) => place);
    const others = places.filter(place => !refused.has(place));
    this.#replace(lane, batch, others.length === 0 ? [] : [rebuild(batch, others, this.#settings.seal)]);
    for (const place of places) {
      const error = refused.get(place);
      if (error !== undefined) this.#reject(batch.part([place]), error);
    }
  }

  /** Others stand in the place of a batch that was on its way. */
  #replace(lane: Lane, batch: Batch, parts: readonly Batch[]): void {
    this.#forget(batch);
    for (const part of parts) this.watch(lane, part);
    lane.putBack(...parts);
    batch.replace(parts);
  }

  /** Asks who leads the partition now. A new leader is sent to at once, but only once: else two brokers that disagree would keep us busy. */
  async #reroute(lane: Lane, failedLeader: number, attempts: number): Promise<void> {
    const leader = await this.#leaderNow(lane);
    if (this.#closed) return;
    if (attempts === 1 && leader !== undefined && leader !== failedLeader) this.#proceed(lane);
    else this.#pause(lane, attempts, () => void this.#leaderNow(lane).then(() => this.#proceed(lane)));
  }

  async #leaderNow(lane: Lane): Promise<number | undefined> {
    try {
      return leaderOf((await this.#cluster.topics([lane.topic])).topics.get(lane.topic), lane);
    } catch {
      return undefined; // looked at again, and judged, when it is sent
    }
  }

  /** Nobody leads the partition, or it does not exist: waits, and looks again. */
  #leaderless(lane: Lane, topic: TopicInfo | undefined, error: KafkaError): void {
    if (topic !== undefined) this.#cluster.outdated(topic);
    const denied = error.errno === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
    lane.deniedCount = denied ? lane.deniedCount + 1 : 0;
    if (!error.retriable || lane.deniedCount >= this.#settings.retry.attempts) {
      lane.state = 'idle';
      lane.deniedCount = 0;
      for (const batch of lane.takeAll()) this.#reject(batch, error);
      return;
    }
    this.#pause(lane, Math.max(1, lane.deniedCount), () => void this.#leaderNow(lane).then(() => this.#proceed(lane)));
  }

  #pause(lane: Lane, failed: number, after: () => void): void {
    lane.state = 'paused';
    const timer = this.#cluster.clock.after(backoffMs(this.#settings.retry, failed), () => {
      this.#pauses.delete(lane);
      after();
    });
    this.#pauses.set(lane, timer);
  }

  /** A lane that nothing stands in the way of any more goes on with what it holds. */
  #proceed(lane: Lane): void {
    lane.state = 'idle';
    if (!lane.empty && !this.#closed) this.wake(lane);
  }

  #expire(batch: Batch): void {
    const { topic, partition, failure } = batch;
    const lane = this.#lanes.get(batch);
    const why = failure === undefined ? '' : `; the last attempt failed with: ${failure.message}`;
    const { deliveryTimeoutMs } = this.#settings;
    const error = new TimeoutError(
      `produce ${topic}/${partition}: not acknowledged within ${deliveryTimeoutMs} ms (deliveryTimeoutMs)${why}`,
      {
        cause: failure,
        context: { topic, partition, deliveryTimeoutMs, attempts: batch.attempts },
      },
    );
    this.#reject(batch, error, lane?.sent === batch);
    lane?.drop(batch);
  }

  #reject(batch: Batch, error: KafkaError, onItsWay = false): void {
    this.#forget(batch);
    const unsure = batch.unsure || onItsWay || error.persistence === 'maybe';
    const reason = withPersistence(error, unsure ? 'maybe' : 'no');
    batch.reject(reason);
    this.#rejected(batch, reason);
  }

  #forget(batch: Batch): void {
    this.#unsettled.delete(batch);
    this.#lanes.delete(batch);
  }
}

/** @throws KafkaError as {@link leaderIn}, which looks through all partitions where this one is not in its place. */
function leaderOf(topic: TopicInfo | undefined, lane: Lane): number {
  const found = topic?.partitions[lane.partition];
  return topic?.errorCode === 0 && found?.partition === lane.partition && found.leader >= 0 ? found.leader : leaderIn(topic, lane).leader;
}
