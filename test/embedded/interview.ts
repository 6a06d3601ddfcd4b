import assert from 'node:assert/strict';
import type { Api, RequestOf, ResponseOf } from '../../src/protocol/index.js';
import { RawClient } from './raw-client.js';

/** Fields that two clusters may answer differently: addresses, ids, texts, times, and what stands in messages that are not compared. */
const FREE = new Set([
  'host',
  'port',
  'nodeId',
  'throttleTimeMs',
  'topicId',
  'errorMessage',
  'batchIndexErrorMessage',
  'brokers',
  'clusterId',
  'controllerId',
  'lastTimestamp',
  'transactionStartTimeMs',
]);
/** Leaders and epochs begin where each cluster likes. */
const FREE_NUMBERS = new Set(['leaderId', 'leaderEpoch', 'replicaNodes', 'isrNodes']);

/** Lists of topics in any order. */
const UNORDERED = new Set(['topicPartitions', 'subscribedTopicNames']);

const OFFSETS_TOPIC = '__consumer_offsets';
const PRODUCER = 'producer ';
const MEMBER = 'member ';
/** Numbers from here on are times of now. */
const LONG_AGO = 1_500_000_000_000;

/** Partitions, producers, members and the topic of offsets come in any order. */
function placeOf(node: unknown): number {
  if (typeof node === 'number') return node;
  if (typeof node !== 'object' || node === null) return 0;
  if ('topic' in node && node.topic === OFFSETS_TOPIC) return 1;
  if ('partitionIndex' in node) return Number(node.partitionIndex);
  if ('memberId' in node) return Number(String(node.memberId).replace(MEMBER, ''));
  return 'producerId' in node ? Number(String(node.producerId).replace(PRODUCER, '')) : 0;
}

/** Asks one broker one thing after the other, and keeps what can be compared with what another broker answered. */
export class Interview {
  readonly client: RawClient;
  /** What each step was, and what was answered to it. */
  readonly answers: [step: string, answer: unknown][] = [];
  readonly #topic: string;
  readonly #producers = new Map<number, string>();
  readonly #members = new Map<string, string>();

  private constructor(client: RawClient, topic: string) {
    this.client = client;
    this.#topic = topic;
  }

  /** @param topic A name, also at the beginning of others, that is not the same for both brokers. */
  static async begin(address: string, topic: string): Promise<Interview> {
    return new Interview(await RawClient.connect(address), topic);
  }

  async ask<A extends Api>(step: string, api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return this.heard(step, api, version, this.client.request(api, version, body));
  }

  /** Waits for the answer to a question that was asked before, over whatever connection. */
  async heard<A extends Api>(step: string, api: A, version: number, asked: Promise<ResponseOf<A>>): Promise<ResponseOf<A>> {
    const answer = await asked;
    this.answers.push([`${api.name} v${version}: ${step}`, this.#comparable(answer)]);
    return answer;
  }

  /** Asks again until `done` says yes; only the last answer counts. */
  async untilAnswered<A extends Api>(
    step: string,
    api: A,
    version: number,
    body: RequestOf<A>,
    done: (answer: ResponseOf<A>) => boolean,
  ): Promise<ResponseOf<A>> {
    for (;;) {
      const answer = await this.client.request(api, version, body);
      if (!done(answer)) continue;
      this.answers.push([`${api.name} v${version}: ${step}`, this.#comparable(answer)]);
      return answer;
    }
  }

  #comparable(node: unknown): unknown {
    if (node instanceof Uint8Array) return `${node.length} bytes`;
    if (typeof node === 'string') return node.replaceAll(this.#topic, 'TOPIC');
    if (Array.isArray(node)) return node.map(each => this.#comparable(each)).sort((a, b) => placeOf(a) - placeOf(b));
    if (typeof node === 'number' && node > LONG_AGO) return 'now';
    if (typeof node !== 'object' || node === null) return node;
    const fields = Object.entries(node).filter(([name]) => !FREE.has(name) && !FREE_NUMBERS.has(name));
    // How many partitions hold the offsets of groups is a matter of configuration.
    if (fields.some(([name, value]) => name === 'topic' && value === OFFSETS_TOPIC)) return { topic: OFFSETS_TOPIC };
    return Object.fromEntries(fields.map(([name, value]) => [name, this.#named(name, value)]));
  }

  #named(field: string, value: unknown): unknown {
    if (field === 'sessionId') return value === 0 ? 'none' : 'some';
    if (field === 'producerId') return this.#producer(value);
    if (field === 'heartbeatIntervalMs') return value === 0 ? value : 'some'; // a matter of configuration
    // Topics come in the order of their ids, which are each cluster's own, or in none.
    if (UNORDERED.has(field) && Array.isArray(value)) return value.map(each => JSON.stringify(this.#comparable(each))).sort();
    return field === 'memberId' || field === 'leader' ? this.#member(value) : this.#comparable(value);
  }

  /** So are members. */
  #member(id: unknown): unknown {
    if (typeof id !== 'string' || id === '') return id;
    const known = this.#members.get(id) ?? `${MEMBER}${this.#members.size}`;
    this.#members.set(id, known);
    return known;
  }

  /** Producer ids are compared by the order in which they were first seen. */
  #producer(id: unknown): unknown {
    if (typeof id !== 'number' || id < 0) return id;
    const known = this.#producers.get(id) ?? `${PRODUCER}${this.#producers.size}`;
    this.#producers.set(id, known);
    return known;
  }
}

/** Step by step, so that the first difference shows. */
export function assertSameAnswers(ours: Interview, theirs: Interview): void {
  for (const [i, answer] of theirs.answers.entries()) assert.deepEqual(ours.answers[i], answer, answer[0]);
  assert.equal(ours.answers.length, theirs.answers.length);
}
