import { InputError } from '../../base/errors.js';

/**
 * SASLprep (RFC 4013): makes the ways to type one name or password the same, and refuses what cannot be typed.
 * Code points that Unicode 3.2 did not have are let through, as for a query.
 */

/** RFC 3454 C.1.2: spaces other than ASCII's, which become one. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454 B.1: mapped to nothing. */
const nothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 3454 C.2.1 to C.9: controls, private use, what is no character, surrogates, what changes how text is displayed, tags. */
const prohibited = new RegExp(
  [
    '[\\u0000-\\u001f\\u007f-\\u009f\\u06dd\\u070f\\u180e\\u2028\\u2029\\u2061-\\u2063\\u206a-\\u206f\\ufff9-\\ufffd]',
    '[\\u{1d173}-\\u{1d17a}\\u0340\\u0341\\u200e\\u200f\\u202a-\\u202e\\u2ff0-\\u2ffb\\u{e0001}\\u{e0020}-\\u{e007f}]',
    '\\p{Co}|\\p{Cs}|\\p{Noncharacter_Code_Point}',
  ].join('|'),
  'u',
);
/** RFC 3454 D.1: letters written from right to left. */
const fromRight = new RegExp(
  '[\\u05be\\u05c0\\u05c3\\u05d0-\\u05ea\\u05f0-\\u05f4\\u061b\\u061f\\u0621-\\u063a\\u0640-\\u064a\\u066d-\\u066f\\u0671-\\u06d5' +
    '\\u06dd\\u06e5\\u06e6\\u06fa-\\u06fe\\u0700-\\u070d\\u0710\\u0712-\\u072c\\u0780-\\u07a5\\u07b1\\u200f\\ufb1d\\ufb1f-\\ufb28' +
    '\\ufb2a-\\ufb36\\ufb38-\\ufb3c\\ufb3e\\ufb40\\ufb41\\ufb43\\ufb44\\ufb46-\\ufbb1\\ufbd3-\\ufd3d\\ufd50-\\ufd8f\\ufd92-\\ufdc7' +
    '\\ufdf0-\\ufdfc\\ufe70-\\ufe74\\ufe76-\\ufefc]',
  'u',
);
const letter = /\p{L}/u;

/**
 * `text` as SASLprep has it.
 * @throws KafkaError `TIDE_INPUT` naming `what` when it cannot be prepared; the text itself is not told.
 */
export function saslprep(text: string, what: string): string {
  const mapped = text.replace(otherSpaces, ' ').replace(nothing, '').normalize('NFKC');
  if (prohibited.test(mapped)) throw new InputError(`${what} contains a character that SASLprep (RFC 4013) does not allow`);
  const characters = [...mapped];
  if (!characters.some(one => fromRight.test(one))) return mapped;
  const ends = [characters[0], characters.at(-1)].every(one => one !== undefined && fromRight.test(one));
  if (ends && !characters.some(one => letter.test(one) && !fromRight.test(one))) return mapped;
  throw new InputError(`${what} mixes characters written from right to left with others, which SASLprep (RFC 4013) does not allow`);
}
