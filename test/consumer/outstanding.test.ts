import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Outstanding } from '../../src/consumer/outstanding.js';

/** The same in the plainest way: every offset with whether it is done. */
class Naive {
  handedOut = new Map<number, boolean>();

  get open(): number[] {
    return [...this.handedOut].filter(([, done]) => !done).map(([offset]) => offset);
  }

  mark(from: number, to: number): number {
    const now = this.open.filter(offset => offset >= from && offset <= to);
    for (const offset of now) this.handedOut.set(offset, true);
    return now.length;
  }

  takeBack(from: number): void {
    for (const offset of this.handedOut.keys()) if (offset >= from) this.handedOut.delete(offset);
  }
}

type Step =
  | { readonly kind: 'one'; readonly gap: number }
  | { readonly kind: 'many'; readonly gaps: readonly number[] }
  | { readonly kind: 'mark'; readonly from: number; readonly length: number }
  | { readonly kind: 'takeBack'; readonly from: number }
  | { readonly kind: 'markAll' };

const gap = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('one' as const), gap }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('many' as const), gaps: fc.array(gap, { minLength: 1, maxLength: 5 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('mark' as const), from: fc.nat(30), length: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeBack' as const), from: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'markAll' as const }) },
);

test('whatever is handed out, marked and taken back, the first that is not done is the one a plain list says', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const [real, naive] = [new Outstanding(), new Naive()];
      let end = 0;
      for (const each of steps) {
        switch (each.kind) {
          case 'one':
            end += each.gap;
            real.addOne(end);
            naive.handedOut.set(end++, false);
            break;
          case 'many': {
            const offsets = each.gaps.map(skipped => {
              const offset = end + skipped;
              end = offset + 1;
              return offset;
            });
            for (const offset of offsets) naive.handedOut.set(offset, false);
            real.add(offsets[0] ?? 0, offsets.at(-1) ?? 0, offsets.length, () => offsets);
            break;
          }
          case 'mark':
            assert.equal(real.mark(each.from, each.from + each.length), naive.mark(each.from, each.from + each.length));
            break;
          case 'takeBack': // never below what is done: that would be a seek, which begins anew
            if (naive.open[0] !== undefined && each.from < naive.open[0]) break;
            real.takeBack(each.from);
            naive.takeBack(each.from);
            end = Math.max(each.from, ...[...naive.handedOut.keys()].map(offset => offset + 1));
            break;
          case 'markAll':
            assert.equal(real.markAll(), naive.mark(0, end));
            break;
        }
        assert.equal(real.first, naive.open[0]);
        assert.equal(real.count, naive.open.length);
        assert.equal(real.empty, naive.open.length === 0);
        for (let offset = real.first ?? end; offset < end; offset++) assert.equal(real.knows(offset), naive.handedOut.has(offset));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a hundred thousand single messages marked from the last to the first cost no quadratic time', () => {
  const outstanding = new Outstanding();
  for (let i = 0; i < 100_000; i++) outstanding.addOne(i);
  const before = process.cpuUsage();
  for (let i = 99_999; i > 0; i--) outstanding.mark(i);
  assert.equal(outstanding.first, 0);
  outstanding.mark(0);
  assert.ok(outstanding.empty);
  assert.ok(process.cpuUsage(before).user < 3_000_000, 'microseconds');
});

test('what is done behind a hole does not keep its batch: the offsets are asked for once at most, and without gaps never', () => {
  for (const [last, asked] of [
    [14, 0],
    [20, 1],
  ] as const) {
    const outstanding = new Outstanding();
    outstanding.addOne(1);
    let count = 0;
    const list = () => {
      count += 1;
      return [10, 11, 12, 13, last];
    };
    outstanding.add(10, last, 5, list);
    assert.equal(outstanding.mark(10, last), 5);
    assert.equal(count, asked);
    assert.deepEqual(
      [10, 13, last].map(offset => outstanding.knows(offset)),
      [true, true, true],
    );
    assert.equal(outstanding.knows(last - 1), last === 14);
    assert.equal(count, asked);
    assert.equal(outstanding.first, 1);
    assert.equal(outstanding.mark(1), 1);
    assert.ok(outstanding.empty);
  }
});
