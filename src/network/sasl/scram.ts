import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AuthError } from '../../base/errors.js';
import type { Credentials } from './credentials.js';
import type { SaslExchange } from './mechanism.js';
import type { SaltedPasswords } from './salted-passwords.js';
import { saslprep } from './saslprep.js';

/**
 * SCRAM (RFC 5802, RFC 7677): each side proves that it knows the password, and neither says it.
 * Below `minIterations` a listener could try passwords too quickly; above `maxIterations` the broker would keep us busy for too long.
 */
export type ScramHash = 'sha256' | 'sha512';

const minIterations = 4096;
const maxIterations = 1_000_000;
const nonceBytes = 24;
const maxSaltBytes = 1024;

const derive = promisify(pbkdf2);
const hmac = (hash: ScramHash, key: Uint8Array, text: string): Buffer => createHmac(hash, key).update(text).digest();
const digest = (hash: ScramHash, bytes: Uint8Array): Buffer => createHash(hash).update(bytes).digest();

/** A name as it stands between commas and equals signs. */
const escaped = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C');

/** The attributes of a message in their order: `r=...,s=...,i=...`. */
function attributes(message: Buffer): Map<string, string> {
  const parts = message.toString('utf8').split(',');
  const found = new Map<string, string>();
  for (const part of parts) {
    const name = part.slice(0, 1);
    if (!/^[a-zA-Z]=/.test(part) || found.has(name))
      throw new AuthError(`the broker's SCRAM message is malformed (${message.length} bytes)`);
    found.set(name, part.slice(2));
  }
  if (found.has('m')) throw new AuthError('the broker demands a SCRAM extension (m=) that tidemark does not know');
  return found;
}

/** @throws AuthError with the broker's own word for why it refuses. */
function refusalIn(found: ReadonlyMap<string, string>): void {
  const refusal = found.get('e');
  if (refusal !== undefined) throw new AuthError(`the broker refused: ${refusal}`);
}

/** Bytes in base64, strictly: Node reads over what does not belong there. */
function base64(text: string | undefined): Buffer | undefined {
  if (text === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return Buffer.from(text, 'base64');
}

interface Challenge {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** What the broker's first message asks for. @throws AuthError when it is not what SCRAM allows. */
export function readChallenge(message: Buffer, clientNonce: string): Challenge {
  const found = attributes(message);
  refusalIn(found);
  const [nonce, salt, iterations] = [found.get('r'), base64(found.get('s')), found.get('i')];
  if (nonce === undefined || salt === undefined || salt.length > maxSaltBytes || !/^[1-9]\d{0,9}$/.test(iterations ?? ''))
    throw new AuthError(`the broker's first SCRAM message lacks a nonce, a salt or an iteration count (${message.length} bytes)`);
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length)
    throw new AuthError('the broker answered with a SCRAM nonce that does not continue ours: it answers somebody else, or replays');
  const count = Number(iterations);
  if (count < minIterations)
    throw new AuthError(`the broker asks for ${count} SCRAM iterations, and fewer than ${minIterations} do not protect the password`);
  if (count > maxIterations)
    throw new AuthError(`the broker asks for ${count} SCRAM iterations, and more than ${maxIterations} would take too long`);
  return { nonce, salt, iterations: count };
}

/**
 * One SCRAM exchange.
 * @param nonce For tests only: the client's nonce, which else is random.
 */
export function scram(
  hash: ScramHash,
  { username, password }: Credentials,
  { authzid = '', cache, nonce = randomBytes(nonceBytes).toString('base64') }: { authzid?: string; cache: SaltedPasswords; nonce?: string },
): SaslExchange {
  const header = `n,${authzid === '' ? '' : `a=${escaped(saslprep(authzid, 'the authzid'))}`},`;
  const firstBare = `n=${escaped(saslprep(username, 'the username'))},r=${nonce}`;
  const prepared = saslprep(password, 'the password');
  let expected: Buffer | undefined;
  let done = false;

  async function answer(message: Buffer): Promise<Buffer> {
    const challenge = readChallenge(message, nonce);
    const salted = await cache.get({ hash, ...challenge }, prepared, () =>
      derive(prepared, challenge.salt, challenge.iterations, hash === 'sha256' ? 32 : 64, hash),
    );
    const withoutProof = `c=${Buffer.from(header).toString('base64')},r=${challenge.nonce}`;
    const signed = `${firstBare},${message.toString('utf8')},${withoutProof}`;
    const clientKey = hmac(hash, salted, 'Client Key');
    const signature = hmac(hash, digest(hash, clientKey), signed);
    expected = hmac(hash, hmac(hash, salted, 'Server Key'), signed);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)));
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  function verify(message: Buffer, wanted: Buffer): undefined {
    const found = attributes(message);
    refusalIn(found);
    const signature = base64(found.get('v'));
    if (signature === undefined) throw new AuthError("the broker's last SCRAM message lacks its signature (v=)");
    if (signature.length !== wanted.length || !timingSafeEqual(signature, wanted))
      throw new AuthError("the broker's SCRAM signature is wrong: it does not know the password, and may be an impostor");
    done = true;
  }

  return {
    first: Buffer.from(header + firstBare),
    step(message) {
      if (done) throw new AuthError('the broker goes on after the end of the SCRAM exchange');
      return expected === undefined ? answer(message) : verify(message, expected);
    },
  };
}
