import { EndTxn } from '../../src/protocol.js';
import type { ChaosProxy } from '../support/proxy.js';

/** Where the key of an API stands in a request. */
const API_KEY_AT = 4;

/**
 * Resolves when a broker has answered the next request to end a transaction, and lets nothing of that answer through; the function it gives
 * takes that back.
 */
export async function untilEndAnswered(proxies: readonly ChaosProxy[]): Promise<() => void> {
  await new Promise<void>(resolve => {
    for (const proxy of proxies) {
      const deaf = new Set<number>();
      proxy.onChunk = (chunk, { direction, connection }) => {
        if (direction === 'to-server') {
          if (chunk.length > API_KEY_AT + 1 && chunk.readInt16BE(API_KEY_AT) === EndTxn.key) deaf.add(connection);
        } else if (deaf.has(connection)) {
          resolve();
          return Buffer.alloc(0);
        }
        return undefined;
      };
    }
  });
  return () => {
    for (const proxy of proxies) proxy.onChunk = undefined;
  };
}
