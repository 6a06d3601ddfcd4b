import assert from 'node:assert/strict';
import type { Persistence } from '../../src/base/errors.js';
import type { RecordResult } from '../../src/producer/record.js';

/** A record that is in the log. */
export interface Stored {
  readonly offset: number;
  readonly key: string | null;
  readonly id: number;
}

/** What became of a record, as its caller was told. `given up`: the caller went away, and was told nothing. */
export type Outcome =
  | { readonly kind: 'open' }
  | { readonly kind: 'stored'; readonly result: RecordResult }
  | { readonly kind: 'rejected'; readonly code: string; readonly persistence: Persistence | undefined }
  | { readonly kind: 'given up' };

/** A record that was given to a producer. Ids grow with the calls. */
export interface Entry {
  readonly id: number;
  /** Which producer; each has an order of its own. */
  readonly producer: number;
  readonly key: string;
  /** The partition it was meant for; undefined when its key decides. */
  readonly partition: number | undefined;
  outcome: Outcome;
}

/** What the settings of the producers promise of every record. */
export interface Promises {
  /** A record is in the log once at most. */
  readonly once: boolean;
  /** The number of partitions that a key may be sent over, each with the partition it chooses. */
  readonly partitionsOf: (key: string) => readonly number[];
}

/** All that was given to producers, and what they said became of it: plain lists, against which the log is held. */
export class Model {
  readonly entries: Entry[] = [];

  give(producer: number, key: string, partition: number | undefined): Entry {
    const entry: Entry = { id: this.entries.length, producer, key, partition, outcome: { kind: 'open' } };
    this.entries.push(entry);
    return entry;
  }

  settle(entry: Entry, outcome: Outcome): void {
    assert.equal(entry.outcome.kind, 'open', `record ${entry.id} is settled twice`);
    entry.outcome = outcome;
  }

  /** How many records of a producer came to one of these ends. */
  count(producer: number, ...kinds: readonly Outcome['kind'][]): number {
    return this.entries.filter(entry => entry.producer === producer && kinds.includes(entry.outcome.kind)).length;
  }

  /** Holds the logs, one for each partition, against what was said. */
  check(logs: readonly (readonly Stored[])[], { once, partitionsOf }: Promises): void {
    const places = new Map<number, { partition: number; offsets: number[] }>();
    for (const [partition, log] of logs.entries()) {
      const last = new Map<number, number>();
      const seen = new Set<number>();
      for (const { offset, key, id } of log) {
        const entry = this.entries[id] ?? assert.fail(`${partition}/${offset} holds a record that nobody gave`);
        assert.equal(key, entry.key, `record ${id} keeps its key`);
        const allowed = entry.partition === undefined ? partitionsOf(entry.key) : [entry.partition];
        assert.ok(allowed.includes(partition), `record ${id} is in partition ${partition}, it belongs to ${allowed}`);
        const place = places.get(id);
        if (place === undefined) places.set(id, { partition, offsets: [offset] });
        else {
          assert.ok(!once, `record ${id} is stored at ${place.partition}/${place.offsets} and at ${partition}/${offset}`);
          assert.equal(place.partition, partition, `record ${id} is in two partitions`);
          place.offsets.push(offset);
        }
        if (seen.has(id)) continue; // a repetition, where they may be, comes later than the record itself
        seen.add(id);
        const before = last.get(entry.producer) ?? -1;
        assert.ok(before < id, `partition ${partition}: record ${id} is stored behind ${before}, which was given later`);
        last.set(entry.producer, id);
      }
    }
    for (const { id, outcome } of this.entries) {
      const place = places.get(id);
      switch (outcome.kind) {
        case 'open':
          assert.fail(`record ${id} is not settled`);
          break;
        case 'stored': {
          const { partition, offset } = outcome.result;
          assert.equal(place?.partition, partition, `record ${id} was acknowledged in partition ${partition}`);
          assert.ok(
            offset === -1 || place?.offsets.includes(offset),
            `record ${id} was acknowledged at ${offset}, it is at ${place?.offsets}`,
          );
          break;
        }
        case 'rejected':
          assert.ok(
            outcome.persistence === 'no' || outcome.persistence === 'maybe',
            `record ${id}: ${outcome.code} says nothing of persistence`,
          );
          if (outcome.persistence === 'no')
            assert.equal(place, undefined, `record ${id} is stored, though ${outcome.code} said it was not`);
          break;
        case 'given up':
          break;
        default:
          outcome satisfies never;
      }
    }
  }

  /** Of how many records the offset was not told. */
  get withoutOffset(): number {
    return this.entries.filter(({ outcome }) => outcome.kind === 'stored' && outcome.result.offset === -1).length;
  }
}
