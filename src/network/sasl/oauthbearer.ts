import { AuthError } from '../../base/errors.js';
import type { SaslExchange } from './mechanism.js';

/** What an authorisation server issued. */
export interface OauthToken {
  /** The token itself. */
  readonly value: string;
  /** When it ends, in ms since 1970 or as a Date. Without it the provider is asked for every authentication. */
  readonly expiresAt?: number | Date | undefined;
  /** What else the broker is told (KIP-342): names of letters, values of printable ASCII. */
  readonly extensions?: Readonly<Record<string, string>> | undefined;
}

/** Gives a token that is valid now. Its signal is aborted when nobody waits for the token any more. */
export type TokenProvider = (context: { readonly signal: AbortSignal }) => OauthToken | Promise<OauthToken>;

/** What is wrong with a token, in words that do not tell it; undefined when nothing is. */
export function tokenFault(token: unknown): string | undefined {
  if (typeof token !== 'object' || token === null || !('value' in token)) return 'an object with a value';
  const { value, expiresAt, extensions } = token as Partial<OauthToken>;
  if (typeof value !== 'string' || !/^[-._~+/A-Za-z0-9]+=*$/.test(value)) return 'a value of letters, digits and -._~+/= (RFC 6750)';
  if (expiresAt !== undefined && !Number.isFinite(Number(expiresAt))) return 'expiresAt in ms since 1970, or a Date';
  if (extensions === undefined) return undefined;
  if (typeof extensions !== 'object' || extensions === null) return 'extensions as an object of strings';
  for (const [name, text] of Object.entries(extensions)) {
    if (!/^[A-Za-z]+$/.test(name) || name.toLowerCase() === 'auth') return 'extensions with names of letters, other than "auth" (KIP-342)';
    if (typeof text !== 'string' || !/^[\x21-\x7e \t\r\n]+$/.test(text)) return 'extensions with values of printable ASCII (KIP-342)';
  }
  return undefined;
}

/** OAUTHBEARER (RFC 7628, KIP-255, KIP-342): the token, and perhaps the broker's reason for refusing it. */
export function oauthbearer(
  { value, extensions = {} }: OauthToken,
  authzid = '',
): SaslExchange & { readonly complaint: string | undefined } {
  const fields = [`auth=Bearer ${value}`, ...Object.entries(extensions).map(([name, text]) => `${name}=${text}`)];
  const header = `n,${authzid === '' ? '' : `a=${authzid.replaceAll('=', '=3D').replaceAll(',', '=2C')}`},`;
  let complaint: string | undefined;
  return {
    first: Buffer.from(`${header}\x01${fields.join('\x01')}\x01\x01`),
    get complaint() {
      return complaint;
    },
    step(answer) {
      if (complaint !== undefined) throw new AuthError('the broker goes on after it refused the token');
      if (answer.length === 0) return undefined;
      complaint = reasonIn(answer.toString('utf8'));
      return Buffer.from([1]); // the broker waits for this before it refuses
    },
  };
}

/** The broker's reason in its own fields (RFC 7628, 3.2.2), or as it stands; all of it: cut in a token, the rest would not be known for one. */
function reasonIn(json: string): string {
  try {
    const { status, scope, error_description: description } = JSON.parse(json);
    const known = Object.entries({ status, scope, description }).filter(([, text]) => typeof text === 'string' && text !== '');
    if (known.length > 0) return known.map(([name, text]) => `${name} ${text}`).join(', ');
  } catch {
    // no JSON: shown as it is
  }
  return json;
}
