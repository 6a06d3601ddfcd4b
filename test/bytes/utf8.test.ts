import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putUtf8 } from '../../src/bytes/utf8.js';

test('text of every length and kind is written as Buffer.from encodes it, and nothing behind it', () => {
  const kinds = ['a', '\u007f', '\u0080', '\u00e9', '\u20ac', '\ud83d\ude00', '\ud83d', '\ude00', '\u0000'];
  for (const length of [0, 1, 2, 30, 31, 32, 33, 100]) {
    for (const odd of kinds) {
      for (const place of [0, length >> 1, length]) {
        const text = `${'k'.repeat(place)}${odd}${'y'.repeat(length - place)}`;
        const expected = Buffer.from(text);
        const target = Buffer.alloc(text.length * 3 + 4, 0xaa);
        assert.equal(putUtf8(target, 2, text), expected.length);
        assert.deepEqual(target.subarray(2, 2 + expected.length), expected, JSON.stringify(text));
        assert.deepEqual([...target.subarray(0, 2), ...target.subarray(2 + text.length * 3)], [0xaa, 0xaa, 0xaa, 0xaa]);
      }
    }
  }
});
