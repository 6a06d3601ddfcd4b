import { AuthError } from '../../base/errors.js';
import type { Credentials } from './credentials.js';
import type { SaslExchange } from './mechanism.js';

/** PLAIN (RFC 4616): the password itself, in one message. The broker says nothing. */
export function plain({ username, password }: Credentials, authzid = ''): SaslExchange {
  return {
    first: Buffer.from(`${authzid}\0${username}\0${password}`),
    step(answer) {
      if (answer.length > 0) throw new AuthError(`the broker answered ${answer.length} bytes to PLAIN, which has no answer`);
      return undefined;
    },
  };
}
