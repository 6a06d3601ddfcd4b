import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';

/*
 * Something real is held against a model of it, in random steps that a seed chooses. What fails is shrunk to the few steps that it takes, and
 * the error says which they are, and the seed: TIDEMARK_SEED=7 node --test dist/test/x/model.test.js
 * With TIDEMARK_SHRINK=0 it tells of the steps as they were.
 */

/** What can happen; the numbers choose partitions, counts and variants. */
export interface Step<K extends string> {
  readonly kind: K;
  readonly a: number;
  readonly b: number;
}

/** Steps of these kinds, each as often as its number says. */
export function stepsOf<K extends string>(kinds: Readonly<Record<K, number>>): fc.Arbitrary<Step<K>> {
  const weighted = Object.entries<number>(kinds).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as K) }));
  return fc.record({ kind: fc.oneof(...weighted), a: fc.nat(59), b: fc.nat(59) }, { noNullPrototype: true });
}

/** One run: the real thing and its model, side by side. */
export interface ModelRun<S> {
  /** Does one thing to both. Rejects when they differ. */
  step(step: S): Promise<void>;
  /** What holds in the end. */
  finish(): Promise<void>;
  /** Lets go of everything, also after a failure. */
  close(): Promise<void>;
}

/** A model, and how much of it there is to see. */
export interface ModelTest<V, S> {
  /** What a run may be made of. */
  readonly variants: fc.Arbitrary<V>;
  readonly step: fc.Arbitrary<S>;
  /** Most steps of a run. Default 100. */
  readonly maxSteps?: number;
  start(variant: V): Promise<ModelRun<S>>;
  readonly seed: number;
  readonly runs: number;
  /** A test of fewer steps shows too little. */
  readonly leastSteps: number;
  /** How often what matters has happened, counted by the runs: a test that never comes to it shows nothing. */
  readonly happened: Readonly<Record<string, number>>;
  /** Each of that happens so often. Default 20. */
  readonly leastTimes?: number;
}

/** The seed that the environment asks for, else this one. */
export const seedOr = (seed: number): number => Number(process.env['TIDEMARK_SEED'] ?? seed);

/**
 * Runs a model, and tells what was seen.
 * @throws Error with the steps that led there, and the seed, when the real thing differs from it; AssertionError when too little has happened.
 */
export async function holdsFor<V, S>(t: Pick<TestContext, 'diagnostic'>, model: ModelTest<V, S>): Promise<void> {
  const { variants, step, maxSteps = 100, seed, runs, leastSteps, happened, leastTimes = 20 } = model;
  let steps = 0;
  const property = fc.asyncProperty(variants, fc.array(step, { maxLength: maxSteps, size: 'max' }), async (variant, chosen) => {
    const run = await model.start(variant);
    try {
      for (const each of chosen) {
        await run.step(each);
        steps += 1;
      }
      await run.finish();
    } finally {
      await run.close();
    }
  });
  const found = await fc.check(property, {
    numRuns: runs,
    seed,
    interruptAfterTimeLimit: 500_000,
    endOnFailure: process.env['TIDEMARK_SHRINK'] === '0',
  });
  const { failed, errorInstance: cause } = found;
  if (failed)
    throw new Error(`after ${steps} steps: ${cause instanceof Error ? cause.stack : cause}\n${await fc.asyncDefaultReportMessage(found)}`, {
      cause,
    });
  t.diagnostic(`seed ${seed}, ${steps} steps: ${JSON.stringify(happened)}`);
  assert.ok(steps >= leastSteps, `${steps} steps`);
  for (const [what, times] of Object.entries(happened)) assert.ok(times >= leastTimes, `${what}: only ${times} times`);
}
