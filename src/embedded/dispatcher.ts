import { errorNumbers } from '../base/broker-errors.js';
import { asError, ProtocolError } from '../base/errors.js';
import { Reader } from '../bytes/reader.js';
import {
  type Api,
  ApiVersions,
  decodeRequestBody,
  decodeRequestHeader,
  encodeResponseFrame,
  type RequestHeader,
  type ResponseInput,
} from '../protocol/index.js';
import type { ClusterState } from './cluster-state.js';
import type { Fate, Faults } from './faults.js';
import type { Call, Handler, NoAnswer } from './handler.js';
import type { RequestLog, SeenRequest } from './request-log.js';
import type { Arrival, Reply, ServerConnection } from './server-connection.js';
import type { OfferedVersions } from './versions.js';

/** What every broker of a cluster needs to answer a request. */
export interface Services {
  readonly state: ClusterState;
  readonly handlers: ReadonlyMap<number, Handler>;
  readonly offered: OfferedVersions;
  readonly faults: Faults;
  readonly log: RequestLog;
}

const CLOSE: Reply = { chunks: undefined, close: true };
const NO_ANSWER: Reply = { chunks: undefined, close: false };

/** Takes the requests of one connection to whoever answers them. */
export class Dispatcher {
  readonly #services: Services;
  readonly #broker: number;
  readonly #failed: (error: unknown) => void;

  /** @param failed Is told of a request that was answered with a closed connection, and why. */
  constructor(services: Services, broker: number, failed: (error: unknown) => void) {
    this.#services = services;
    this.#broker = broker;
    this.#failed = failed;
  }

  /**
   * Reads a request and remembers it.
   * @throws ProtocolError for bytes that are no request, and for an API or version that is not offered: Kafka closes the connection too.
   */
  receive(frame: Buffer, connection: ServerConnection): Arrival {
    const { handlers, offered, log, faults } = this.#services;
    const reader = new Reader(frame);
    const header = decodeRequestHeader(reader);
    const handler = handlers.get(header.apiKey);
    const versions = offered.of(header.apiKey);
    if (handler === undefined || versions === undefined) {
      throw new ProtocolError(`no API with the key ${header.apiKey} is offered`, { context: { apiKey: header.apiKey } });
    }
    const { api } = handler;
    const { apiVersion: version, correlationId, clientId } = header;
    if (version < versions[0] || version > versions[1]) {
      if (api.key === ApiVersions.key) return { handle: async () => unsupportedVersion(header, versions) };
      throw new ProtocolError(`${api.name} v${version} is not offered: ${versions[0]} to ${versions[1]} are`, {
        context: { api: api.name, version },
      });
    }
    const body = decodeRequestBody(api, version, reader);
    const broker = this.#broker;
    const request = log.add({
      api,
      version,
      correlationId,
      clientId,
      broker,
      connection: connection.id,
      body,
      about: handler.about?.({ body, version, broker, cluster: this.#services.state }) ?? [],
      sizeBytes: frame.length,
    });
    const fate = faults.meet(request);
    return { handle: () => this.#handle(handler, request, fate, connection.closed) };
  }

  async #handle(handler: Handler, request: SeenRequest, fate: Fate, closed: AbortSignal): Promise<Reply> {
    if (fate.drop) return CLOSE;
    try {
      const body = await this.#answer(handler, request, fate, closed);
      if (body === 'close' || fate.dropAnswer) return CLOSE;
      if (body === 'none') return NO_ANSWER;
      const { chunks } = encodeResponseFrame(handler.api, request.version, request.correlationId, body);
      const bytes = fate.rewrite === undefined ? chunks : [fate.rewrite(Buffer.concat(chunks))];
      return { chunks: bytes, close: false, after: fate.wait?.(request, closed), before: fate.waitAtByte };
    } catch (error) {
      // A bug here, or in what a test wants to be answered: neither may pass for a broker's whim.
      this.#failed(error);
      queueMicrotask(() => {
        throw asError(error);
      });
      return CLOSE;
    }
  }

  async #answer(handler: Handler, request: SeenRequest, fate: Fate, closed: AbortSignal): Promise<ResponseInput<Api> | NoAnswer> {
    const { state, offered } = this.#services;
    const { body, version, broker } = request;
    const call: Call = { request, body, version, broker, cluster: state, offered, closed, refusal: fate.refusal, damages: fate.damages };
    if (fate.answer === undefined) return handler.answer(call);
    let instead: NoAnswer = 'none';
    const given = await fate.answer(request, async () => {
      const natural = await handler.answer(call);
      if (typeof natural !== 'string') return natural;
      instead = natural;
      return undefined;
    });
    return given ?? instead;
  }
}

/** Kafka answers a version of ApiVersions it does not know in v0, with the versions it does know (KIP-511). */
function unsupportedVersion({ correlationId }: RequestHeader, [minVersion, maxVersion]: readonly [number, number]): Reply {
  const body = { errorCode: errorNumbers.UNSUPPORTED_VERSION, apiKeys: [{ apiKey: ApiVersions.key, minVersion, maxVersion }] };
  return { chunks: encodeResponseFrame(ApiVersions, 0, correlationId, body).chunks, close: false };
}
