import { isIP } from 'node:net';
import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';

/** Where a broker listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const defaultPort = 9092;

/** `host:port`, with brackets around an IPv6 literal. */
export const formatAddress = ({ host, port }: Address): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

const shapes = [
  /^\[(?<host>[^\]]+)\](?::(?<port>\d+))?$/, // [v6] or [v6]:port
  /^(?<host>[^:[\]\s/@,]+)(?::(?<port>\d+))?$/, // name or v4, with or without port
];

/**
 * The address written as `host`, `host:port`, `[v6]` or `[v6]:port`. Without a port: 9092.
 * @throws KafkaError `TIDE_OPTION` when it is none of these.
 */
export function parseAddress(text: string, what = 'brokers'): Address {
  const trimmed = text.trim();
  if (isIP(trimmed) === 6) return { host: trimmed, port: defaultPort };
  const groups = shapes.map(shape => shape.exec(trimmed)?.groups).find(found => found !== undefined);
  const host = groups?.['host'];
  const port = groups?.['port'] === undefined ? defaultPort : Number(groups['port']);
  if (host === undefined || port < 1 || port > 65_535 || (trimmed.startsWith('[') && isIP(host) !== 6)) {
    throw new InputError(
      `${what}: ${JSON.stringify(trimmed)} is not an address; expected host, host:port or [ipv6]:port with a port from 1 to 65535`,
      {
        code: 'TIDE_OPTION',
      },
    );
  }
  return { host, port };
}

/**
 * The addresses in a list, or in a string with commas; doubles are dropped.
 * @throws KafkaError `TIDE_OPTION` when there is none, or one of them is no address.
 */
export function parseAddresses(given: unknown, what = 'brokers'): readonly Address[] {
  const parts = typeof given === 'string' ? given.split(',') : given;
  const texts = Array.isArray(parts) ? parts : [parts];
  const addresses = new Map<string, Address>();
  for (const text of texts) {
    if (typeof text !== 'string')
      throw new InputError(`${what}: expected "host:port", a comma list of them, or an array, got ${show(text)}`, {
        code: 'TIDE_OPTION',
      });
    const address = parseAddress(text, what);
    addresses.set(formatAddress(address), address);
  }
  if (addresses.size === 0) throw new InputError(`${what}: the list is empty; expected at least one "host:port"`, { code: 'TIDE_OPTION' });
  return [...addresses.values()];
}
