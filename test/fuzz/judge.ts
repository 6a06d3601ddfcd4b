import { createRequire } from 'node:module';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Api } from '../../src/protocol/index.js';
import type { CompressionName, RecordBatch } from '../../src/records/index.js';
import type { Case } from './cases.js';
import { BATCH_HEADER_BYTES, checksumOf, LENGTH_END } from './checksums.js';
import type { Subject } from './subject.js';

/** What one batch may take when decompressed. */
const CAP_BYTES = 2 ** 18;
/** The cap, a codec's own buffers, the messages that were made and the litter of it all. */
const MEMORY_BYTES = 24 * 2 ** 20;
const MS_PER_MIB = 50;
/** For what the machine does meanwhile. */
const SLACK_MS = 150;

/** What may lie about from earlier cases before it is cleared away. */
const LITTER_BYTES = 8 * 2 ** 20;

/** What was taken at once in pieces that count. The collector may have freed them when a case is over. */
let allocatedBytes = 0;
for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
  const take = Buffer[name];
  Buffer[name] = (bytes: number, ...rest: []) => {
    allocatedBytes = Math.max(allocatedBytes, bytes);
    return take(bytes, ...rest);
  };
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');
let keptBytes = 0;
const snappyPackage: { uncompressSync(bytes: Buffer): Buffer } = createRequire(import.meta.url)('snappy');

/** What the framing of xerial begins with. */
const XERIAL_BYTE = 0x82;
const source = { topic: 'orders', partition: 3 };
const allowed = new Set(['TIDE_PROTOCOL', 'TIDE_CORRUPT', 'TIDE_TOO_LARGE', 'TIDE_UNSUPPORTED']);

/** What a decoder did with one case that it may not; undefined when it behaved. */
export function complaintAbout(one: Case, subject: Subject): string | undefined {
  if (getHeapStatistics().external_memory - keptBytes > LITTER_BYTES) {
    collectGarbage(); // or it would happen within the case, and hide what that takes
    keptBytes = getHeapStatistics().external_memory;
  }
  const before = memory();
  allocatedBytes = 0;
  const began = performance.now();
  const complaint = one.kind === 'batch' ? batches(one.bytes, subject) : message(one, subject);
  const grown = Math.max(memory() - before, allocatedBytes);
  let tookMs = performance.now() - began;
  if (complaint !== undefined) return complaint;
  if (grown > MEMORY_BYTES) return `it took ${(grown / 2 ** 20).toFixed(0)} MiB of memory`;
  const limitMs = SLACK_MS + (MS_PER_MIB * (one.bytes.length + CAP_BYTES)) / 2 ** 20;
  for (let again = 0; again < 2 && tookMs > limitMs; again++) {
    const start = performance.now();
    if (one.kind === 'batch') batches(one.bytes, subject);
    else message(one, subject);
    tookMs = Math.min(tookMs, performance.now() - start);
  }
  return tookMs > limitMs ? `it took ${tookMs.toFixed(0)} ms for ${one.bytes.length} bytes` : undefined;
}

function memory(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function message(one: Exclude<Case, { kind: 'batch' }>, { protocol, reader, errors }: Subject): string | undefined {
  const api: Api | undefined = [...protocol.apisByKey.values()].find(({ name }) => name === one.api);
  if (api === undefined) return `there is no API ${one.api}`;
  try {
    if (one.kind === 'response') {
      protocol.readCorrelationId(one.bytes);
      protocol.decodeResponseBody(api, one.version, one.bytes);
    } else {
      const request = new reader.Reader(one.bytes);
      const { apiVersion } = protocol.decodeRequestHeader(request);
      protocol.decodeRequestBody(api, apiVersion, request);
    }
    return undefined;
  } catch (error) {
    const wrong = wrongError(error, errors);
    if (wrong !== undefined || one.kind === 'request' || one.bytes.length < 4) return wrong;
    const { context } = error as InstanceType<typeof errors.KafkaError>;
    const told = context['api'] === one.api && context['version'] === one.version && typeof context['position'] === 'number';
    return told ? undefined : `its error does not name API, version and position: ${JSON.stringify(context)}`;
  }
}

function batches(bytes: Buffer, subject: Subject): string | undefined {
  const { records, errors } = subject;
  const options = { ...source, maxDecompressedBytes: CAP_BYTES };
  for (const work of [() => void records.scanBatches(bytes), () => void records.validateBatch(bytes, options)]) {
    const { wrong } = attempt(work, errors);
    if (wrong !== undefined) return wrong;
  }
  const reader = records.readBatches(bytes, options);
  let at: number | undefined = 0; // unknown behind what is damaged
  for (let calls = 0; calls <= bytes.length / LENGTH_END + 1; calls++) {
    const { wrong, failed, value: batch } = attempt(() => reader.next(), errors);
    if (wrong !== undefined) return wrong;
    if (failed) {
      at = undefined;
      continue;
    }
    if (batch === undefined) return undefined;
    const whole = at === undefined ? undefined : bytes.subarray(at, (at += batch.sizeBytes));
    const complaint = aboutBatch(batch, whole, subject);
    if (complaint !== undefined) return complaint;
  }
  return 'it gives more batches than there can be';
}

/** @param whole Its bytes on the wire, where they are known. */
function aboutBatch(batch: RecordBatch, whole: Buffer | undefined, subject: Subject): string | undefined {
  const isNew = batch.magic === 2;
  if (whole !== undefined && isNew && checksumOf(whole) !== whole.readUInt32BE(17))
    return 'a batch with a wrong checksum is given as sound';
  const { wrong, value } = attempt(() => messagesOf(batch), subject.errors);
  const complaint = wrong ?? value;
  if (complaint !== undefined || whole === undefined || !isNew) return complaint;
  return aboutDecoders(batch.compression, whole.subarray(BATCH_HEADER_BYTES), subject);
}

/** Decoders of one format must not give different bytes; ours must not take what the C++ library refuses. */
function aboutDecoders(compression: CompressionName, payload: Buffer, { snappy, lz4 }: Subject): string | undefined {
  if (compression !== 'snappy' && compression !== 'lz4') return undefined;
  const [native, portable] = compression === 'snappy' ? [snappy.snappy, snappy.portableSnappy] : [lz4.lz4, lz4.portableLz4];
  const ours = outputOf(() => portable.decompress(payload, CAP_BYTES));
  if (ours === undefined) return undefined;
  const theirs = outputOf(() => native.decompress(payload, CAP_BYTES));
  if (theirs !== undefined && Buffer.compare(ours, theirs) !== 0) return 'native and portable decoders differ';
  if (compression === 'lz4' || payload[0] === XERIAL_BYTE) return undefined;
  const raw = outputOf(() => snappyPackage.uncompressSync(payload));
  return raw?.equals(ours) ? undefined : 'it takes what the package snappy refuses, or reads it otherwise';
}

function outputOf<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

function messagesOf(batch: RecordBatch): string | undefined {
  let previous = -1;
  let count = 0;
  batch.open();
  for (const { key, value, headers, offset, timestamp } of batch) {
    count += 1;
    if (!(offset > previous && offset >= batch.baseOffset && offset <= batch.lastOffset)) return `offset ${offset} behind ${previous}`;
    previous = offset;
    if (Number.isNaN(timestamp)) return 'a timestamp that is no number';
    for (const view of [key, value, ...headers.map(([, content]) => content)]) {
      if (view !== null && !(view.byteOffset + view.length <= view.buffer.byteLength)) return 'a view of memory that is not there';
    }
  }
  return count === batch.count ? undefined : `${count} messages, it counts ${batch.count}`;
}

interface Attempt<T> {
  readonly value?: T;
  readonly failed: boolean;
  /** Set when it failed as nothing may. */
  readonly wrong?: string | undefined;
}

function attempt<T>(work: () => T, errors: Subject['errors']): Attempt<T> {
  try {
    return { value: work(), failed: false };
  } catch (error) {
    return { failed: true, wrong: wrongError(error, errors) };
  }
}

/** What is wrong with an error; undefined when it is one of those that decoders may throw, and is not a bug in disguise. */
function wrongError(error: unknown, { KafkaError }: Subject['errors']): string | undefined {
  if (!(error instanceof KafkaError)) return `it throws ${error instanceof Error ? error.stack : JSON.stringify(error)}`;
  if (!allowed.has(error.code)) return `it throws ${error.code}: ${error.message}`;
  const { cause } = error;
  const isBug = cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError;
  // The package fzstd lets damage run into errors of the language; its bounds hold all the same.
  return isBug && !/node_modules.fzstd/.test(cause.stack ?? '') ? `a bug in disguise: ${cause.stack}` : undefined;
}
