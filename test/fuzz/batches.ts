import { type CompressionName, encodeBatch, type RecordInput } from '../../src/records/index.js';
import { BATCH_HEADER_BYTES, soundBatch, soundMessage } from './checksums.js';
import { bomb, codecNumbers, compressed, foreign, lengthPlaces, mended } from './codecs.js';
import type { Dice } from './dice.js';
import { type FieldPlace, recordFields } from './fields.js';
import { mutated, withField } from './mutate.js';

const shapes: readonly (readonly RecordInput[])[] = [
  [{ value: 'one', timestamp: 1 }],
  [
    {
      key: 'k',
      value: 'first',
      timestamp: 1000,
      headers: [
        ['a', '1'],
        ['b', null],
        ['', ''],
      ],
    },
    { key: null, value: null, timestamp: 999 },
    { key: '', value: 'x'.repeat(300), timestamp: 2 ** 45, headers: [['long', 'y'.repeat(200)]] },
  ],
  Array.from({ length: 60 }, (_, i) => ({
    key: `${i % 7}`,
    value: `order ${i * 7919} of customer ${i % 5}`,
    timestamp: 1_700_000_000_000 + i,
  })),
];
/** Old formats have no headers. */
const withoutHeaders = (records: readonly RecordInput[]): RecordInput[] => records.map(({ headers: _, ...rest }) => rest);

const HEADER_FIELDS: readonly FieldPlace[] = [
  { kind: 'int64', at: 0, end: 8 },
  { kind: 'int32', at: 8, end: 12 },
  { kind: 'int32', at: 12, end: 16 },
  { kind: 'int8', at: 16, end: 17 },
  { kind: 'int16', at: 21, end: 23 },
  { kind: 'int32', at: 23, end: 27 },
  { kind: 'int64', at: 27, end: 35 },
  { kind: 'int64', at: 35, end: 43 },
  { kind: 'int64', at: 43, end: 51 },
  { kind: 'int16', at: 51, end: 53 },
  { kind: 'int32', at: 53, end: 57 },
  { kind: 'int32', at: 57, end: 61 },
];
/** Attributes, timestamp where there is one, and the two lengths behind it, in a message with a key of that many bytes. */
const messageFields = (magic: number, keyBytes: number): readonly FieldPlace[] => {
  const keyAt = magic === 0 ? 18 : 26;
  const valueAt = keyAt + 4 + Math.max(0, keyBytes);
  return [
    { kind: 'int64', at: 0, end: 8 },
    { kind: 'int8', at: 16, end: 17 },
    { kind: 'int8', at: 17, end: 18 },
    { kind: 'int32', at: keyAt, end: keyAt + 4 },
    { kind: 'int32', at: valueAt, end: valueAt + 4 },
  ];
};

/** What a partition's part of a fetch answer may hold: one of a good batch's many relatives. */
export function anyBatches(dice: Dice): { readonly name: string; readonly bytes: Buffer } {
  const magic = dice.of([2, 2, 2, 1, 0] as const);
  const codec = dice.of(codecNumbers.slice(0, magic === 2 ? 5 : 4));
  const name = `batch of format ${magic}, ${codec}`;
  const one = magic === 2 ? newBatch(codec, dice) : oldMessages(magic, codec, dice);
  if (dice.oneIn(8)) return { name: `${name}, changed blindly`, bytes: mutated(one, HEADER_FIELDS, dice) };
  if (dice.oneIn(6))
    return { name: `${name}, and one more`, bytes: Buffer.concat([one, encodeBatch(dice.of(shapes), { baseOffset: 10_000 })]) };
  if (dice.oneIn(12)) return { name: `${name}, cut short`, bytes: one.subarray(0, dice.below(one.length)) };
  return { name, bytes: one };
}

function newBatch(codec: CompressionName, dice: Dice): Buffer {
  const whole = encodeBatch(dice.of(shapes), { baseOffset: dice.of([0, 40, 2 ** 40]) });
  let header: Buffer = Buffer.from(whole.subarray(0, BATCH_HEADER_BYTES));
  let records = whole.subarray(BATCH_HEADER_BYTES);
  header.writeInt16BE(codecNumbers.indexOf(codec), 21);
  const aim = dice.below(4);
  if (aim === 0) records = mutated(records, recordFields(records), dice);
  let payload = payloadOf(codec, records, dice, aim === 1);
  if (aim === 2) header = withField(header, dice.of(HEADER_FIELDS), dice);
  if (aim === 2 && dice.oneIn(4)) {
    const count = dice.of([2 ** 31 - 1, 2 ** 28, 2 ** 24, 100_000]); // and as many offsets, so that it does not contradict itself
    header.writeInt32BE(count, 57);
    header.writeInt32BE(count - 1, 23);
  }
  if (aim === 3 && codec !== 'none' && dice.oneIn(8)) payload = bomb(codec);
  return soundBatch(Buffer.concat([header, payload]));
}

function payloadOf(codec: CompressionName, plain: Buffer, dice: Dice, damage: boolean): Buffer {
  const chosen = codec !== 'none' && dice.oneIn(3) ? dice.of(foreign[codec] ?? []) : compressed(codec, plain);
  if (!damage || codec === 'none') return chosen;
  const fields = lengthPlaces(codec, chosen)
    .filter(at => at >= 0 && at < chosen.length)
    .map(
      (at): FieldPlace => ({
        kind: codec === 'snappy' && at === 20 ? 'uvarint' : dice.of(['int8', 'int32']),
        at,
        end: Math.min(chosen.length, at + 1),
      }),
    );
  const exact = fields.map(field => (field.kind === 'int32' ? { ...field, end: Math.min(chosen.length, field.at + 4) } : field));
  return mended(codec, mutated(chosen, exact, dice), dice);
}

/** Messages of an old format, or one that holds them compressed; each checksum is right or, now and then, not. */
function oldMessages(magic: 0 | 1, codec: CompressionName, dice: Dice): Buffer {
  const aim = dice.below(4);
  const inner = withoutHeaders(dice.of(shapes)).map((record, i) => {
    const message = encodeBatch([record], { magic, baseOffset: i });
    const hurt = aim === 0 && dice.oneIn(3) ? mutated(message, messageFields(magic, record.key?.length ?? -1), dice) : message;
    return dice.oneIn(40) ? hurt : soundMessage(Buffer.from(hurt));
  });
  if (codec === 'none') return Buffer.concat(inner);
  if (aim === 1 && dice.oneIn(2)) inner.push(wrapper(magic, codec, compressed(codec, Buffer.concat(inner)), 3)); // compressed once more
  const plain = aim === 1 ? mutated(Buffer.concat(inner), [], dice) : Buffer.concat(inner);
  const payload = aim === 3 && dice.oneIn(8) ? bomb(codec) : payloadOf(codec, plain, dice, aim === 2);
  const outer = wrapper(magic, codec, payload, dice.of([0, inner.length - 1, 1000 + inner.length, 2 ** 40]));
  return aim === 2 && dice.oneIn(3) ? soundMessage(withField(outer, dice.of(messageFields(magic, -1)), dice)) : outer;
}

function wrapper(magic: 0 | 1, codec: CompressionName, payload: Buffer, offset: number): Buffer {
  const message = encodeBatch([{ value: payload, timestamp: 5 }], { magic });
  message.writeBigInt64BE(BigInt(offset), 0);
  message[17] = codecNumbers.indexOf(codec);
  return soundMessage(message);
}
