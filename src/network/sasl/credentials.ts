import { AuthError } from '../../base/errors.js';
import { orAborted } from '../../base/wait.js';

/** Who we are, and how we prove it. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Gives the credentials of the moment; asked at each authentication, so that they may change. */
export type CredentialsProvider = (context: { readonly signal: AbortSignal }) => Credentials | Promise<Credentials>;

/** Whether `text` can be a user name or a password: not empty, and without the NUL that PLAIN puts between them. */
export const usable = (text: unknown): text is string => typeof text === 'string' && text !== '' && !text.includes('\0');

/** @throws AuthError, retriable, when the provider fails; not retriable when what it gives cannot be used. The signal's reason when aborted. */
export async function credentialsFrom(provider: CredentialsProvider, signal: AbortSignal): Promise<Credentials> {
  const given: unknown = await asked('sasl.credentials', () => provider({ signal }), signal);
  if (typeof given === 'object' && given !== null && 'username' in given && 'password' in given) {
    const { username, password } = given;
    if (usable(username) && usable(password)) return { username, password };
  }
  throw new AuthError('sasl.credentials must give { username, password }: strings that are not empty, and without NUL', {
    persistence: 'no',
  });
}

/** What a function of the user's gives, in time. What it throws may pass: whoever issues passwords and tokens can be away for a while. */
export async function asked<T>(name: string, ask: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await orAborted((async () => ask())(), signal);
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new AuthError(`${name} failed: ${why}`, { cause: error, retriable: true, persistence: 'no' });
  }
}
