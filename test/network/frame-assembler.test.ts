import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameAssembler } from '../../src/network/frame-assembler.js';

const framed = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};
const stream = Buffer.concat(['first', 'the second frame', 'last'].map(framed));

function assemble(pieces: readonly Uint8Array[], maxBytes = 1000): string[] {
  const frames: string[] = [];
  const assembler = new FrameAssembler(maxBytes, frame => frames.push(frame.toString()));
  for (const piece of pieces) assembler.push(piece);
  return frames;
}

test('frames come out the same wherever the stream was cut', () => {
  const whole = assemble([stream]);
  assert.deepEqual(whole, ['first', 'the second frame', 'last']);
  for (let size = 1; size < stream.length; size++) {
    const pieces = [];
    for (let at = 0; at < stream.length; at += size) pieces.push(stream.subarray(at, at + size));
    assert.deepEqual(assemble(pieces), whole, `pieces of ${size}`);
  }
});

test('a frame has memory of its own: the bytes pushed may be used again', () => {
  let kept: Buffer | undefined;
  const piece = framed('hello');
  new FrameAssembler(100, frame => {
    kept = frame;
  }).push(piece);
  piece.fill(0);
  assert.equal(kept?.toString(), 'hello');
  assert.equal(kept?.buffer.byteLength, 5);
});

test('a length that cannot be is refused before memory is taken, and says who seems to be talking', () => {
  const refuse = (prefix: Buffer | string, message: RegExp) => {
    const assembler = new FrameAssembler(1000, () => assert.fail());
    assert.throws(() => assembler.push(Buffer.from(prefix)), { code: 'TIDE_PROTOCOL', message });
  };
  refuse('HTTP/1.1 400 Bad Request', /an HTTP server answered/);
  refuse(Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02]), /a TLS alert answered/);
  refuse('SSH-2.0-OpenSSH', /an SSH server answered/);
  refuse(Buffer.from([0xff, 0xff, 0xff, 0xff]), /declares -1 bytes, expected 4 to 1000 \(maxResponseBytes\)/);
  refuse(Buffer.from([0x7f, 0xff, 0xff, 0xff]), /declares 2147483647 bytes/);
  refuse(Buffer.from([0, 0, 0, 3]), /declares 3 bytes/);
  refuse(Buffer.from([0, 0, 3, 0xe9]), /declares 1001 bytes/);
});
