import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Reader } from '../../../src/bytes/reader.js';
import { RequestFrames } from '../../../src/embedded/request-frames.js';
import {
  type Api,
  ApiVersions,
  decodeRequestBody,
  decodeRequestHeader,
  encodeResponseFrame,
  Metadata,
  type ResponseInput,
  SaslAuthenticate,
  SaslHandshake,
} from '../../../src/protocol/index.js';

type Said = Partial<ResponseInput<typeof SaslAuthenticate>>;

export interface Script {
  /** What SaslHandshake offers. Default: every mechanism. */
  readonly mechanisms?: readonly string[];
  /** The versions of SaslHandshake that are offered; undefined: none. Default: both. */
  readonly handshake?: readonly [number, number] | undefined;
  /** The broker's side of an exchange: `step` counts from 0 in each, `attempt` from 1 over all. `'silent'`: no answer. Default: accepts anything. */
  readonly answer?: (said: Buffer, at: { readonly step: number; readonly attempt: number }) => Said | 'silent' | 'close' | Promise<Said>;
  /** Metadata is answered when this settles. */
  readonly metadata?: () => Promise<void> | undefined;
  /** How long a rack's name is that Metadata tells. Default: none. */
  readonly rackBytes?: number;
}

const everyMechanism = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'OWN'];

/** A broker that knows how to be logged in to, in the way a test wants it, and answers Metadata to those who are: itself, and no topics. */
export class ScriptedBroker {
  readonly #server: Server;
  readonly #script: Script;
  readonly #sockets = new Set<Socket>();
  /** The requests of each connection, in order, by name. */
  readonly connections: string[][] = [];
  /** Everything that was said in exchanges. */
  readonly said: Buffer[] = [];
  attempts = 0;

  private constructor(server: Server, script: Script) {
    this.#server = server;
    this.#script = { handshake: [0, 1], ...script };
    server.on('connection', socket => this.#serve(socket));
  }

  static async start(t: TestContext, script: Script = {}): Promise<ScriptedBroker> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const broker = new ScriptedBroker(server, script);
    t.after(() => {
      server.close();
      for (const socket of broker.#sockets) socket.destroy();
    });
    return broker;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(socket: Socket): void {
    const seen: string[] = [];
    this.connections.push(seen);
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    let step = 0;
    const reply = <A extends Api>(api: A, version: number, correlationId: number, body: ResponseInput<A>) =>
      socket.write(Buffer.concat(encodeResponseFrame(api, version, correlationId, body).chunks));
    const handle = async (frame: Buffer): Promise<void> => {
      const reader = new Reader(frame);
      const { apiKey, apiVersion, correlationId } = decodeRequestHeader(reader);
      const { mechanisms = everyMechanism, handshake, answer, metadata } = this.#script;
      if (apiKey === ApiVersions.key) {
        const offered = [ApiVersions, Metadata, SaslAuthenticate].map(({ key, versions }) => ({
          apiKey: key,
          minVersion: versions[0],
          maxVersion: versions[1],
        }));
        if (handshake !== undefined) offered.push({ apiKey: SaslHandshake.key, minVersion: handshake[0], maxVersion: handshake[1] });
        seen.push('ApiVersions');
        reply(ApiVersions, apiVersion, correlationId, { errorCode: 0, apiKeys: offered });
      } else if (apiKey === SaslHandshake.key) {
        const { mechanism } = decodeRequestBody(SaslHandshake, apiVersion, reader);
        seen.push(`SaslHandshake ${mechanism}`);
        this.attempts += 1;
        step = 0;
        reply(SaslHandshake, apiVersion, correlationId, { errorCode: mechanisms.includes(mechanism) ? 0 : 33, mechanisms });
      } else if (apiKey === SaslAuthenticate.key) {
        const { authBytes } = decodeRequestBody(SaslAuthenticate, apiVersion, reader);
        seen.push('SaslAuthenticate');
        this.said.push(Buffer.from(authBytes));
        const said = (await answer?.(authBytes, { step: step++, attempt: this.attempts })) ?? {};
        if (said === 'silent') return;
        if (said === 'close') return void socket.destroy();
        reply(SaslAuthenticate, apiVersion, correlationId, { errorCode: 0, errorMessage: null, authBytes: Buffer.alloc(0), ...said });
      } else {
        seen.push('Metadata');
        await metadata?.();
        const rack = 'r'.repeat(this.#script.rackBytes ?? 0);
        const brokers = Array.from({ length: 10 }, () => ({ nodeId: 1, host: '127.0.0.1', port: this.#port, rack }));
        reply(Metadata, apiVersion, correlationId, { brokers, controllerId: 1, clusterId: 'scripted', topics: [] });
      }
    };
    let turn = Promise.resolve();
    const frames = new RequestFrames(frame => {
      turn = turn.then(() => handle(frame));
    });
    socket.on('data', chunk => {
      try {
        frames.push(chunk);
      } catch {
        socket.destroy(); // no Kafka
      }
    });
  }
}
