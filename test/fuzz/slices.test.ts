import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameAssembler } from '../../src/network/frame-assembler.js';
import { type Case, goldenResponses } from './cases.js';
import { Dice } from './dice.js';

const apart = (pieces: readonly Buffer[]): string[] => {
  const frames: string[] = [];
  const assembler = new FrameAssembler(2 ** 20, frame => frames.push(frame.toString('hex')));
  for (const piece of pieces) assembler.push(piece);
  return frames;
};

function framed({ bytes }: Pick<Case, 'bytes'>): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

test('every answer of every API comes out of the stream as it went in, however that is sliced', () => {
  const frames = goldenResponses();
  const stream = Buffer.concat(frames.map(framed));
  const expected = frames.map(({ bytes }) => bytes.toString('hex'));
  assert.deepEqual(apart([stream]), expected);
  assert.deepEqual(apart(Array.from(stream, byte => Buffer.of(byte))), expected, 'byte by byte');
  for (let seed = 1; seed <= 200; seed++) {
    const dice = new Dice(seed);
    const longest = dice.of([2, 5, 64, 1000, 70_000]);
    const pieces: Buffer[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + dice.below(longest + 1); // some are empty
      pieces.push(stream.subarray(at, end));
      at = end;
    }
    const seen = apart(pieces);
    assert.equal(seen.length, expected.length, `seed ${seed}`);
    assert.ok(
      seen.every((frame, i) => frame === expected[i]),
      `seed ${seed}`,
    );
  }
});
