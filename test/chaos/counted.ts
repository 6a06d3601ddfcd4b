import assert from 'node:assert/strict';
import type { RecordResult } from '../../src/index.js';
import type { Found } from '../interop/site.js';
import { seeded } from '../interop/workload.js';

/** How a record ended for who sent it. `maybe`: rejected, and nobody knows whether it is stored. */
export type Ending = 'stored' | 'no' | 'maybe';

const endings = ['', 'stored', 'no', 'maybe'] as const;
const unsettled = 0;
/** So many of the choices of a key are followed by more of the same key, and by how many at most. */
const [RUNS, LONGEST_RUN] = [0.05, 40];

/**
 * Records of many keys, each of which counts its own: the value of number i says its key, that key's count, and i. What becomes of each is
 * noted here, and held against what is found in the topic.
 */
export class CountedRecords {
  readonly count: number;
  readonly #keys: Uint16Array;
  /** The count within its key. */
  readonly #counts: Int32Array;
  readonly #padding: string;
  readonly #endings: Uint8Array;
  readonly #partitions: Int16Array;
  readonly #offsets: Int32Array;
  #settledCount = 0;

  constructor(count: number, seed: number, keyCount = 1000) {
    const next = seeded(seed);
    const counts = new Int32Array(keyCount);
    this.count = count;
    let [key, again] = [0, 0];
    this.#keys = Uint16Array.from({ length: count }, () => {
      if (again-- <= 0) [key, again] = [Math.floor(next() * keyCount), next() < RUNS ? Math.floor(next() * LONGEST_RUN) : 0];
      return key;
    });
    this.#counts = Int32Array.from(this.#keys, key => (counts[key] = (counts[key] ?? 0) + 1) - 1);
    this.#padding = Array.from({ length: 80 }, () => String.fromCharCode(97 + Math.floor(next() * 26))).join('');
    this.#endings = new Uint8Array(count);
    this.#partitions = new Int16Array(count).fill(-1);
    this.#offsets = new Int32Array(count).fill(-1);
  }

  key(i: number): string {
    return `key-${this.#keys[i]}`;
  }

  value(i: number): string {
    return `${this.#keys[i]}/${this.#counts[i]}/${i}/${this.#padding}`;
  }

  /** How many in a row have the key of number i, from there on. */
  runAt(i: number): number {
    let end = i + 1;
    while (end < this.count && this.#keys[end] === this.#keys[i]) end += 1;
    return end - i;
  }

  get settledCount(): number {
    return this.#settledCount;
  }

  /** Number i ended so. @throws AssertionError when it had ended before. */
  ended(i: number, ending: Ending, result?: RecordResult): void {
    assert.equal(this.#endings[i], unsettled, `record ${i} was settled twice`);
    this.#endings[i] = endings.indexOf(ending);
    this.#settledCount += 1;
    if (result === undefined) return;
    this.#partitions[i] = result.partition;
    this.#offsets[i] = result.offset;
  }

  countOf(ending: Ending): number {
    const code = endings.indexOf(ending);
    return this.#endings.reduce((sum, each) => sum + Number(each === code), 0);
  }

  /** Behind the last record that was acknowledged in each partition. */
  acknowledgedEnds(): ReadonlyMap<number, number> {
    const ends = new Map<number, number>();
    for (let i = 0; i < this.count; i++) {
      const [partition = -1, offset = -1] = [this.#partitions[i], this.#offsets[i]];
      if (partition >= 0) ends.set(partition, Math.max(ends.get(partition) ?? 0, offset + 1));
    }
    return ends;
  }

  /**
   * Holds what was said of each record against the log.
   * @throws AssertionError unless every record has ended; each that was stored is in the log, where the broker said; none is there twice, none
   * that was said not to be stored, and nothing else; each key is in one partition, in the order of its counts; offsets have no gaps.
   */
  assertOnce(log: readonly Found[]): void {
    assert.equal(this.#settledCount, this.count, `${this.count - this.#settledCount} records never ended`);
    const places = new Map<number, number>();
    const newest = new Map<string, number>();
    const homes = new Map<string, number>();
    const found = new Uint8Array(this.count);
    for (const { partition, offset, key, value } of log) {
      const where = `${partition}@${offset}`;
      const i = Number(value?.split('/')[2]);
      assert.ok(key === this.key(i) && value === this.value(i), `${where}: ${key} ${value} was never sent`);
      assert.equal(offset, places.get(partition) ?? 0, `partition ${partition} has a gap`);
      places.set(partition, offset + 1);
      assert.equal(found[i], 0, `${where}: record ${i} of ${key} is there twice`);
      found[i] = 1;
      assert.equal(homes.get(key) ?? partition, partition, `${where}: ${key} is in two partitions`);
      homes.set(key, partition);
      const count = this.#counts[i] ?? -1;
      assert.ok(count > (newest.get(key) ?? -1), `${where}: ${count} of ${key} comes after ${newest.get(key)}`);
      newest.set(key, count);
      const ending = endings[this.#endings[i] ?? unsettled];
      assert.notEqual(ending, 'no', `${where}: record ${i} was said not to be stored`);
      if (ending === 'stored')
        assert.equal(where, `${this.#partitions[i]}@${this.#offsets[i]}`, `record ${i} is elsewhere than was acknowledged`);
    }
    const stored = endings.indexOf('stored');
    const missing = this.#endings.reduce((sum, each, i) => sum + Number(each === stored && found[i] === 0), 0);
    const first = this.#endings.findIndex((each, i) => each === stored && found[i] === 0);
    assert.equal(
      missing,
      0,
      `${missing} acknowledged records are missing; the first is ${first}, at ${this.#partitions[first]}@${this.#offsets[first]}`,
    );
  }
}
