import fc from 'fast-check';
import { type Bytes, type EncodeOptions, encodeBatch, type RecordInput, type SealOptions } from '../../src/records/index.js';

const text = fc.string({ unit: 'binary', maxLength: 80 });
const bytes: fc.Arbitrary<Bytes> = fc.oneof(
  fc.constant(null),
  text,
  fc.uint8Array({ maxLength: 80 }),
  fc.constantFrom(55, 56, 57, 63, 64, 65, 8180, 8191, 8192, 9000).map(length => 'x'.repeat(length)),
  fc.constantFrom(18, 19, 20, 21, 22, 2720, 2728, 2731).map(length => '\u20ac'.repeat(length)),
);

/** Any record that can be: every kind of value, lengths around the borders of varints, text of every plane, timestamps that jump. */
export const anyRecord: fc.Arbitrary<RecordInput> = fc.record({
  key: bytes,
  value: bytes,
  timestamp: fc.oneof(fc.constant(-1), fc.nat(), fc.maxSafeNat()),
  headers: fc.oneof(fc.constant(undefined), fc.array(fc.tuple(text, bytes), { maxLength: 4 })),
});

/** Anything that the header of a batch may say. */
export const anyOptions: fc.Arbitrary<SealOptions> = fc.record({
  compression: fc.constantFrom('none' as const, 'gzip' as const),
  level: fc.constantFrom(undefined, 1, 9),
  producerId: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
  producerEpoch: fc.integer({ min: -1, max: 32767 }),
  baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  isTransactional: fc.boolean(),
  baseOffset: fc.nat(2 ** 50),
  leaderEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  appendTime: fc.oneof(fc.constant(undefined), fc.nat()),
});

/** Batches of all kinds, the same ones in every run. */
export const sampleBatches = (): Buffer[] =>
  fc
    .sample(fc.tuple(fc.array(anyRecord, { minLength: 1, maxLength: 30 }), anyOptions), { seed: 42, numRuns: 300 })
    .map(([records, options]) => encodeBatch(records, options));

/** Any record of message formats v0 and v1, which have no headers. */
export const anyOldRecord: fc.Arbitrary<RecordInput> = anyRecord.map(({ headers: _, ...rest }) => rest);

/** Any way to write a message set. */
export const anyOldOptions: fc.Arbitrary<EncodeOptions & { readonly magic: 0 | 1 }> = fc
  .record({
    magic: fc.constantFrom(0 as const, 1 as const),
    compression: fc.constantFrom('none' as const, 'gzip' as const, 'snappy' as const, 'lz4' as const),
    baseOffset: fc.oneof(fc.constant(0), fc.nat(2 ** 50)),
    appendTime: fc.oneof(fc.constant(undefined), fc.nat()),
  })
  .map(options => (options.magic === 0 ? { ...options, appendTime: undefined } : options));

/** Message sets of all kinds, the same ones in every run. */
export const sampleMessageSets = (): Buffer[] =>
  fc
    .sample(fc.tuple(fc.array(anyOldRecord, { minLength: 1, maxLength: 30 }), anyOldOptions), { seed: 42, numRuns: 200 })
    .map(([records, options]) => encodeBatch(records, options));
