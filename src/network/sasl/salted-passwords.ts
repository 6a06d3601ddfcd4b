import { createHmac, randomBytes } from 'node:crypto';
import { Secret } from '../../base/secret.js';

/** What a salted password depends on besides the password. */
export interface Salting {
  readonly hash: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

interface Entry {
  /** Tells passwords apart, and says nothing about them. */
  readonly of: string;
  readonly salted: Promise<Secret<Buffer>>;
}

const maxEntries = 16;

/**
 * Salted passwords by salt and iteration count: making one is slow on purpose, and a cluster asks for the same one on every connection.
 * A password that was changed is salted anew.
 */
export class SaltedPasswords {
  readonly #entries = new Map<string, Entry>();
  readonly #key = new Secret(randomBytes(32));

  async get({ hash, salt, iterations }: Salting, password: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const key = `${hash} ${iterations} ${salt.toString('base64')}`;
    const of = createHmac('sha256', this.#key.reveal()).update(password).digest('base64');
    const known = this.#entries.get(key);
    if (known?.of === of) return (await known.salted).reveal();
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= maxEntries && oldest !== undefined) this.#entries.delete(oldest);
    const salted = make().then(bytes => new Secret(bytes));
    const entry = { of, salted };
    this.#entries.set(key, entry);
    salted.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return (await salted).reveal();
  }

  /** Forgets all of them. */
  clear(): void {
    this.#entries.clear();
  }
}
