import { createServer } from 'node:net';

const [FIRST, LAST] = [15_000, 30_000];
const given = new Set<number>();

/**
 * Gives `count` loopback ports that were free a moment ago, each once per process.
 * They lie below the range that operating systems use for outgoing connections: a port of that range could be taken by a client
 * (even by one that tries to reach it) while its broker is down, and the broker could not come back.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
