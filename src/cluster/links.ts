import { ConnectionError, StateError } from '../base/errors.js';
import { type Address, formatAddress } from '../network/address.js';
import { Link, type LinkSettings } from '../network/link.js';

/**
 * What a connection is for. Requests that the broker answers at once share one; a long poll must not stand in the way of a commit, nor of
 * another consumer's, so each fetcher has connections of its own.
 */
export type Purpose = 'shared' | `fetch ${number}`;

export const closedError = () => new StateError('TIDE_CLOSED', 'the client is closed');

/** What a reason says with which a connection is closed, though nothing is wrong with it. */
const meant = { context: { meant: true } };

/** All links of one client: one for each address and purpose. */
export class Links {
  readonly #settings: LinkSettings;
  readonly #links = new Map<string, Link>();
  #closed = false;

  constructor(settings: LinkSettings) {
    this.#settings = settings;
  }

  /** The link to an address, made when first asked for. */
  to(address: Address, purpose: Purpose = 'shared'): Link {
    if (this.#closed) throw closedError();
    const key = `${purpose} ${formatAddress(address)}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(address, this.#settings);
      this.#links.set(key, link);
    }
    return link;
  }

  /** Closes and forgets every link to an address that is not among `addresses`. */
  keepOnly(addresses: Iterable<Address>): void {
    const kept = new Set([...addresses].map(formatAddress));
    for (const [key, link] of this.#links) {
      if (kept.has(link.broker)) continue;
      this.#links.delete(key);
      link.close(new ConnectionError(`broker ${link.broker} is no longer part of the cluster`, meant));
    }
  }

  /** Closes the connections to these addresses that nobody waits for just now. */
  rest(addresses: Iterable<Address>): void {
    const resting = new Set([...addresses].map(formatAddress));
    for (const link of this.#links.values()) {
      if (resting.has(link.broker) && link.pendingCount === 0)
        link.disconnect(new ConnectionError(`broker ${link.broker} goes by another address`, meant));
    }
  }

  /** Closes all connections to one address; the next request opens a new one. */
  disconnect(address: Address): void {
    for (const link of this.#links.values()) {
      if (link.broker === formatAddress(address))
        link.disconnect(new ConnectionError(`broker ${link.broker} was disconnected on request`, meant));
    }
  }

  /** Closes and forgets the links of one purpose, whose user is gone. */
  release(purpose: Purpose): void {
    for (const [key, link] of this.#links) {
      if (!key.startsWith(`${purpose} `)) continue;
      this.#links.delete(key);
      link.close();
    }
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
  }
}
