import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { onAbort } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { ConnectionError, InputError } from '../base/errors.js';
import { type Address, formatAddress } from './address.js';
import type { TlsDial } from './tls.js';

export interface DialOptions {
  /** What is left of the time to connect, in ms. */
  readonly leftMs: number;
  /** All of it, as errors name it. */
  readonly connectTimeoutMs: number;
  readonly ipVersion: 4 | 6 | undefined;
  readonly clock: Clock;
  /** Makes it a TLS connection; resolves when the handshake is done. */
  readonly tls?: TlsDial | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with each piece that arrives; the memory is used again afterwards. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/** Node reads into one buffer of this size for each socket. */
const readBytes = 64 * 1024;

/** What a failed connect most often means, by the system's code. */
const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there; is the broker running, is the port right?',
  ENOTFOUND: 'the name does not resolve; check the spelling and the name server',
  EAI_AGAIN: 'the name server did not answer',
  EHOSTUNREACH: 'no route to that host',
  ENETUNREACH: 'no route to that network',
  ETIMEDOUT: 'the host did not answer; a firewall?',
  ECONNRESET: 'the other side reset the connection',
};

/**
 * A connected socket. Name look-up, all addresses of the name, and the TLS handshake share one time limit.
 * @throws KafkaError `TIDE_CONNECTION` saying what happened and what to check; `persistence: 'no'`. `TIDE_AUTH` when a certificate is
 * refused, by us or by the broker. The signal's reason when aborted.
 */
export function dial(address: Address, options: DialOptions): Promise<Socket> {
  const { host, port } = address;
  const { ipVersion, clock, signal, tls } = options;
  const where = formatAddress(address);
  const literal = isIP(host);
  if (ipVersion !== undefined && literal !== 0 && literal !== ipVersion) {
    throw new InputError(`${where}: the address is IPv${literal}, but ipVersion is ${ipVersion}`, { code: 'TIDE_OPTION', errno: -1017 });
  }
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const way: TcpNetConnectOpts = {
      host,
      port,
      family: ipVersion ?? 0,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      onread: {
        buffer: Buffer.allocUnsafeSlow(readBytes),
        callback: (count, buffer) => {
          options.onBytes(buffer.subarray(0, count));
          return true;
        },
      },
    };
    let reached = false;
    const socket =
      tls === undefined
        ? connect(way)
        : secured(way, tls, () => {
            reached = true;
          });
    const settle = (act: () => void) => {
      timer.cancel();
      forget();
      socket.off('error', fail);
      socket.off(ready, succeed);
      act();
    };
    const giveUp = (error: unknown) =>
      settle(() => {
        socket.on('error', () => {}); // a late one has nobody to tell
        socket.destroy();
        reject(error);
      });
    const fail = (cause: NodeJS.ErrnoException) => {
      if (tls !== undefined && reached && socket instanceof TLSSocket)
        return giveUp(tls.explain(cause, socket.authorizationError, address));
      const code = cause.code ?? 'unknown';
      const reason = hints[code] ?? cause.message;
      giveUp(new ConnectionError(`connect to ${where}: ${reason}`, { cause, persistence: 'no', context: { broker: where, reason: code } }));
    };
    const succeed = () => settle(() => resolve(socket));
    const timer = clock.after(options.leftMs, () =>
      giveUp(
        new ConnectionError(
          `connect to ${where}: no ${reached ? 'TLS handshake' : 'connection'} within ${options.connectTimeoutMs} ms (connectTimeoutMs); ${reached ? 'is it a TLS listener?' : 'a firewall, or the wrong host?'}`,
          {
            persistence: 'no',
            context: { broker: where, reason: 'timeout' },
          },
        ),
      ),
    );
    socket.once('error', fail);
    const ready = tls === undefined ? 'connect' : 'secureConnect';
    socket.once(ready, succeed);
    const forget = onAbort(signal, () => giveUp(signal?.reason));
  });
}

/** Begins the TLS handshake as soon as the other side is reached. `onread` works as for TCP: bytes are decrypted into the same buffer. */
function secured(way: TcpNetConnectOpts, tls: TlsDial, reached: () => void): TLSSocket {
  const socket = connectTls({ ...way, ...tls.connectOptions() });
  socket.once('connect', reached);
  // Not in Node's documentation: comes with the end of the handshake, before the certificate is judged. Without it errors say less.
  socket.prependListener('secure', () => tls.note(socket.getPeerCertificate()));
  return socket;
}
