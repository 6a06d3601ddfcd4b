import type { Dice } from './dice.js';
import type { FieldKind, FieldPlace } from './fields.js';

const borders = [
  0,
  1,
  2,
  6,
  7,
  8,
  127,
  128,
  255,
  256,
  16383,
  16384,
  32767,
  32768,
  65535,
  2 ** 20,
  2 ** 24,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const hugeBorders = [2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

/** `bytes` after one to three changes, some of which know where its integers stand. */
export function mutated(bytes: Buffer, fields: readonly FieldPlace[], dice: Dice): Buffer {
  let result = bytes;
  let moved = false; // positions hold no more once the length has changed
  for (let left = 1 + (dice.oneIn(3) ? dice.below(3) : 0); left > 0; left--) {
    const before = result.length;
    result = fields.length > 0 && !moved && !dice.oneIn(3) ? withField(result, dice.of(fields), dice) : damaged(result, dice);
    moved ||= result.length !== before;
  }
  return result;
}

/** The same with one integer replaced by one that is likely to hurt. */
export function withField(bytes: Buffer, { kind, at, end }: FieldPlace, dice: Dice): Buffer {
  const left = bytes.length - end;
  const replaced = encoded(kind, interesting(kind, [left, left + 1, left - 1, Math.floor(left / 2)], bytes, at, dice), dice);
  return Buffer.concat([bytes.subarray(0, at), replaced, bytes.subarray(end)]);
}

function interesting(kind: FieldKind, sizes: readonly number[], bytes: Buffer, at: number, dice: Dice): bigint {
  const near = BigInt(bytes[at] ?? 0) + BigInt(dice.below(5) - 2);
  const choices = [near, BigInt(dice.of(borders)), -BigInt(dice.of(borders)), BigInt(dice.of(sizes)), BigInt(dice.of(sizes)) * 2n];
  if (kind === 'int64' || kind === 'varlong') choices.push(dice.of(hugeBorders));
  return dice.of(choices);
}

const widths = { int8: 8, int16: 16, int32: 32, int64: 64 } as const;

function encoded(kind: FieldKind, value: bigint, dice: Dice): Buffer {
  if (kind === 'uvarint' || kind === 'varlong') return varint(value, kind === 'varlong' ? 64 : 32, dice);
  const bits = widths[kind];
  return Buffer.from(
    BigInt.asUintN(bits, value)
      .toString(16)
      .padStart(bits / 4, '0'),
    'hex',
  );
}

/** Sometimes longer than it needs to be, sometimes longer than it may be. */
function varint(value: bigint, bits: number, dice: Dice): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(bits, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  if (!dice.oneIn(10)) return Buffer.from(bytes);
  const last = bytes.length - 1;
  const padding = dice.below(11);
  if (padding === 0) return Buffer.from(bytes);
  bytes[last] = (bytes[last] ?? 0) | 128;
  return Buffer.from([...bytes, ...Array.from({ length: padding - 1 }, () => 128), dice.of([0, 1, 15, 16, 127, 255])]);
}

/** One blind change. */
function damaged(bytes: Buffer, dice: Dice): Buffer {
  const at = dice.below(bytes.length + 1);
  const count = 1 + dice.below(dice.oneIn(4) ? 64 : 4);
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (dice.below(7)) {
    case 0:
      return head;
    case 1:
      return Buffer.concat([bytes, dice.bytes(count)]);
    case 2:
      return Buffer.concat([head, dice.bytes(count), tail]);
    case 3:
      return Buffer.concat([head, tail.subarray(count)]);
    case 4:
      return Buffer.concat([head, tail.subarray(0, count), tail]);
    case 5:
      return Buffer.concat([
        head,
        Buffer.alloc(Math.min(count, tail.length), dice.of([0x00, 0x01, 0x7f, 0x80, 0xff])),
        tail.subarray(count),
      ]);
    default: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << dice.below(8));
      return flipped;
    }
  }
}
