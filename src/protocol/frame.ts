/**
 * Frames: a length of four bytes, a header, a body. Source: https://kafka.apache.org/protocol, "Request Header", "Response Header".
 */
import { ProtocolError } from '../base/errors.js';
import { Reader } from '../bytes/reader.js';
import { Writer } from '../bytes/writer.js';
import { apisByKey } from './apis/index.js';
import type { Api, RequestIn, RequestOf, ResponseInput, ResponseOf } from './define-api.js';
import { explained } from './located.js';

/** A frame ready to be written, its length included. Large byte fields are referenced by `chunks`, not copied. */
export interface Frame {
  readonly chunks: readonly Uint8Array[];
  /** Bytes of all chunks together. */
  readonly size: number;
}

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

/** The answer to ApiVersions has the oldest header in every version, so that a client can read it before it knows any (KIP-511). */
const API_VERSIONS_KEY = 18;

/** The frame of a request. @throws InputError, UnsupportedError as {@link Api.encodeRequest}. */
export function encodeRequestFrame<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: RequestOf<A>,
): Frame {
  return frame(writer => {
    writer.int16(api.key);
    writer.int16(version);
    writer.int32(correlationId);
    if (clientId === null) {
      writer.int16(-1);
    } else {
      const count = Buffer.byteLength(clientId);
      writer.int16(count);
      writer.string(clientId, count);
    }
    if (api.isFlexible(version)) writer.uvarint(0);
    api.encodeRequest(writer, version, body);
  });
}

/**
 * Reads what stands before a request's body. `reader` begins behind the frame's length.
 * A key that is not in `apis` is taken for inflexible: only its first four fields can be trusted.
 */
export function decodeRequestHeader(reader: Reader, apis: ReadonlyMap<number, Api> = apisByKey): RequestHeader {
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const count = reader.int16();
  if (count < -1) throw new ProtocolError(`request header: a client id of ${count} bytes`, { context: { position: reader.position } });
  const clientId = count < 0 ? null : reader.string(count);
  if (apis.get(apiKey)?.isFlexible(apiVersion)) skipTagged(reader);
  return { apiKey, apiVersion, correlationId, clientId };
}

/** Reads a request's body and nothing else. @throws ProtocolError also when bytes are left. */
export function decodeRequestBody<A extends Api>(api: A, version: number, reader: Reader): RequestIn<A> {
  return decoded(api, version, 'request', reader, api.decodeRequest(reader, version)) as RequestIn<A>;
}

/** The frame of a response. */
export function encodeResponseFrame<A extends Api>(api: A, version: number, correlationId: number, body: ResponseInput<A>): Frame {
  return frame(writer => {
    writer.int32(correlationId);
    if (hasTaggedHeader(api, version)) writer.uvarint(0);
    api.encodeResponse(writer, version, body);
  });
}

/** The id of the request that a response answers. `response` begins behind the frame's length. */
export function readCorrelationId(response: Uint8Array): number {
  return new Reader(response).int32();
}

/**
 * Reads a whole response. `response` begins behind the frame's length; decoded bytes are views of it.
 * @throws ProtocolError with `api`, `version` and `position`, also when bytes are left behind the body.
 */
export function decodeResponseBody<A extends Api>(api: A, version: number, response: Uint8Array): ResponseOf<A> {
  const reader = new Reader(response, 4);
  try {
    if (hasTaggedHeader(api, version)) skipTagged(reader);
  } catch (error) {
    throw explained(error, { api: api.name, part: 'response header', version });
  }
  return decoded(api, version, 'response', reader, api.decodeResponse(reader, version)) as ResponseOf<A>;
}

const hasTaggedHeader = (api: Api, version: number): boolean => api.key !== API_VERSIONS_KEY && api.isFlexible(version);

function frame(fill: (writer: Writer) => void): Frame {
  const writer = new Writer();
  const length = writer.reserve(4);
  fill(writer);
  length.writeInt32BE(writer.size - 4);
  return { chunks: writer.finish(), size: writer.size };
}

function decoded(api: Api, version: number, part: string, reader: Reader, body: object): object {
  if (reader.remaining === 0) return body;
  const { position, remaining } = reader;
  throw new ProtocolError(`${api.name} v${version} ${part}: ${remaining} bytes are left at ${position}`, {
    context: { api: api.name, version, position, remaining },
  });
}

/** No tagged header field means anything to us. */
function skipTagged(reader: Reader): void {
  const count = reader.uvarint();
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const tag = reader.uvarint();
    if (tag <= previous)
      throw new ProtocolError(`header: tagged field ${tag} comes after ${previous}`, { context: { position: reader.position } });
    previous = tag;
    reader.skip(reader.uvarint());
  }
}
