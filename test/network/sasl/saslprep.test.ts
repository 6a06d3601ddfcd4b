import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saslprep } from '../../../src/network/sasl/saslprep.js';

const refused = (text: string, why: RegExp) =>
  assert.throws(
    () => saslprep(text, 'it'),
    (error: Error) => {
      assert.match(error.message, why);
      assert.ok(text.length < 3 || !error.message.includes(text), 'the text itself is not told');
      return true;
    },
    JSON.stringify(text),
  );

test('the examples of RFC 4013', () => {
  assert.equal(saslprep('I\u00adX', 'it'), 'IX');
  assert.equal(saslprep('user', 'it'), 'user');
  assert.equal(saslprep('USER', 'it'), 'USER');
  assert.equal(saslprep('\u00aa', 'it'), 'a');
  assert.equal(saslprep('\u2168', 'it'), 'IX');
  refused('\u0007', /SASLprep/);
  refused('\u0627\u0031', /right to left/);
});

test('ASCII stays as it is, and so does what NFKC leaves alone', () => {
  const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
  assert.equal(saslprep(ascii, 'it'), ascii);
  for (const text of ['p\u00e4ssw\u00f6rd', '\u30d1\u30b9\u30ef\u30fc\u30c9', '\ud83d\udd11', 'a b'])
    assert.equal(saslprep(text, 'it'), text);
});

test('spaces become one kind, and a letter is the same however it is typed', () => {
  assert.equal(saslprep('a\u00a0b\u3000c', 'it'), 'a b c');
  assert.equal(saslprep('a\u0308', 'it'), '\u00e4');
  assert.equal(saslprep('\ufb01', 'it'), 'fi');
});

test('what cannot be typed is refused', () => {
  const forbidden = [
    '\u007f',
    '\u0000',
    '\u0085',
    '\u2028',
    '\ue000',
    '\u{f0000}',
    '\ufffe',
    '\u{1fffe}',
    '\ud800',
    '\ufffd',
    '\u2ff0',
    '\u200e',
    '\u{e0041}',
  ];
  for (const text of forbidden) refused(`x${text}y`, /SASLprep/);
});

test('right to left by itself is fine, mixed with left to right it is not', () => {
  assert.equal(saslprep('\u05d0\u05d1', 'it'), '\u05d0\u05d1');
  assert.equal(saslprep('\u05d01\u05d1', 'it'), '\u05d01\u05d1');
  refused('\u05d0a\u05d1', /right to left/);
  refused('1\u05d0', /right to left/);
});
