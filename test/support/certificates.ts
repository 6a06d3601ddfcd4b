import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

/*
 * X.509 certificates for tests, written byte by byte: no tool is needed, and they may be as wrong as a test likes.
 * DER is a tag, a length and a content. RFC 5280 says which of them make a certificate.
 */

type Der = Buffer;

function tagged(tag: number, ...parts: readonly Uint8Array[]): Der {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = Buffer.from(length.toString(16).padStart(length > 255 ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content]);
}

const sequence = (...parts: readonly Uint8Array[]): Der => tagged(0x30, ...parts);
const integer = (bytes: Uint8Array): Der => tagged(0x02, bytes);
const octets = (content: Uint8Array): Der => tagged(0x04, content);
const bits = (content: Uint8Array): Der => tagged(0x03, Buffer.from([0]), content);
const yes = tagged(0x01, Buffer.from([0xff]));

function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

const sha256WithEcdsa = sequence(oid('1.2.840.10045.4.3.2'));
const name = (common: string): Der => sequence(tagged(0x31, sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from(common)))));
/** UTCTime: 241231235959Z */
const time = (at: Date): Der => tagged(0x17, Buffer.from(`${at.toISOString().replace(/\D/g, '').slice(2, 14)}Z`));
const extension = (id: string, value: Der, critical = false): Der => sequence(oid(id), ...(critical ? [yes] : []), octets(value));

const alternative = (host: string): Der =>
  isIP(host) === 4 ? tagged(0x87, Buffer.from(host.split('.').map(Number))) : tagged(0x82, Buffer.from(host));

/** A certificate and its key, as PEM. */
export interface Identity {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Common name of the subject. */
  readonly name: string;
  /** Names and IPv4 addresses that it is for. */
  readonly hosts?: readonly string[] | undefined;
  /** Default: from yesterday until tomorrow. */
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
}

const dayMs = 86_400_000;
const pem = (label: string, der: Der): string =>
  `-----BEGIN ${label}-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;

/** An authority of its own, whose word counts for whoever has its certificate. */
export class TestAuthority {
  readonly #name: string;
  readonly #key: KeyObject;
  /** Its own certificate, as PEM. */
  readonly cert: string;

  constructor(common = 'tidemark test authority') {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.#name = common;
    this.#key = privateKey;
    this.cert = this.#certificate({ name: common }, publicKey, [
      extension('2.5.29.19', sequence(yes), true), // an authority
      extension('2.5.29.15', tagged(0x03, Buffer.from([1, 0x06])), true), // signs certificates and lists of revoked ones
    ]);
  }

  /** A certificate that this authority signed, with a key of its own. */
  issue(options: CertificateOptions): Identity {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const { hosts = [] } = options;
    const extensions = hosts.length === 0 ? [] : [extension('2.5.29.17', sequence(...hosts.map(alternative)))];
    return {
      name: options.name,
      cert: this.#certificate(options, publicKey, extensions),
      key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    };
  }

  #certificate(options: CertificateOptions, publicKey: KeyObject, extensions: readonly Der[]): string {
    const { notBefore = new Date(Date.now() - dayMs), notAfter = new Date(Date.now() + dayMs) } = options;
    const serial = randomBytes(8);
    serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and as long as it looks
    const signed = sequence(
      tagged(0xa0, integer(Buffer.from([2]))), // version 3
      integer(serial),
      sha256WithEcdsa,
      name(this.#name),
      sequence(time(notBefore), time(notAfter)),
      name(options.name),
      publicKey.export({ type: 'spki', format: 'der' }),
      ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
    );
    return pem('CERTIFICATE', sequence(signed, sha256WithEcdsa, bits(sign('sha256', signed, this.#key))));
  }
}
