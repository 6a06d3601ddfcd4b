import { UnsupportedError } from '../base/errors.js';
import type { Reader } from '../bytes/reader.js';
import type { Writer } from '../bytes/writer.js';
import { type Codec, compileShape } from './compile.js';
import { explained } from './located.js';
import type { Input, Output, Shape } from './schema.js';

/** Which broker a request has to go to. */
export type Route = 'any' | 'leader' | 'group' | 'transaction' | 'controller';

/** First and last version, both included. */
export type Versions = readonly [first: number, last: number];

/** Any request the protocol knows, with its types erased. See {@link RequestOf} and {@link ResponseOf} for those. */
export interface Api {
  readonly key: number;
  /** Kafka's name for it, as `OffsetCommit`. */
  readonly name: string;
  /** The versions tidemark speaks. */
  readonly versions: Versions;
  /** The first flexible version; undefined if none is. */
  readonly flexible: number | undefined;
  /**
   * The first version whose answer comes before the broker throttles (KIP-219): from it on the client keeps silent for the time the answer
   * says; below it the broker has waited already.
   */
  readonly clientThrottles: number;
  readonly route: Route;
  /** The fields, as they were defined. */
  readonly request: Shape;
  readonly response: Shape;
  /** Whether a version has compact lengths and tagged fields (KIP-482). Also answers for versions outside of `versions`. */
  isFlexible(version: number): boolean;
  /**
   * @throws InputError when a value is missing or does not fit its field; the message names the field.
   * @throws UnsupportedError when the version is not one of `versions`, or cannot say what `body` says.
   */
  encodeRequest(writer: Writer, version: number, body: object): void;
  /** @throws ProtocolError with `api`, `version`, `position` and `field` in its context. */
  decodeRequest(reader: Reader, version: number): object;
  encodeResponse(writer: Writer, version: number, body: object): void;
  decodeResponse(reader: Reader, version: number): object;
}

/** An {@link Api} that knows its own fields. */
export interface DefinedApi<Request extends Shape, Response extends Shape> extends Api {
  readonly request: Request;
  readonly response: Response;
  encodeRequest(writer: Writer, version: number, body: Input<Request>): void;
  decodeRequest(reader: Reader, version: number): Output<Request>;
  encodeResponse(writer: Writer, version: number, body: Input<Response>): void;
  decodeResponse(reader: Reader, version: number): Output<Response>;
}

/** What a client sends: fields with a default, or absent in some version, may be left out. */
export type RequestOf<A extends Api> = Parameters<A['encodeRequest']>[2];
/** What a client gets: every field, with its default where the version lacks it. */
export type ResponseOf<A extends Api> = ReturnType<A['decodeResponse']>;
/** What a server gets: every field, with its default where the version lacks it. */
export type RequestIn<A extends Api> = ReturnType<A['decodeRequest']>;
/** What a server answers: fields with a default, or absent in some version, may be left out. */
export type ResponseInput<A extends Api> = Parameters<A['encodeResponse']>[2];

interface Definition<Request extends Shape, Response extends Shape> {
  readonly key: number;
  readonly name: string;
  readonly versions: Versions;
  readonly flexible: number | undefined;
  readonly clientThrottles: number;
  readonly route: Route;
  readonly request: Request;
  readonly response: Response;
}

/** One API with all its versions, from the facts about its fields. A version is compiled when it is first used. */
export function defineApi<const Request extends Shape, const Response extends Shape>(
  definition: Definition<Request, Response>,
): DefinedApi<Request, Response> {
  const { name, versions, flexible } = definition;
  const request = new Message({ name, part: 'request', versions, flexible, fields: definition.request });
  const response = new Message({ name, part: 'response', versions, flexible, fields: definition.response });
  return Object.freeze<DefinedApi<Request, Response>>({
    ...definition,
    isFlexible: version => flexible !== undefined && version >= flexible,
    encodeRequest: (writer, version, body) => request.encode(writer, version, body),
    decodeRequest: (reader, version) => request.decode(reader, version),
    encodeResponse: (writer, version, body) => response.encode(writer, version, body),
    decodeResponse: (reader, version) => response.decode(reader, version),
  });
}

interface MessageDefinition<S extends Shape> {
  readonly name: string;
  /** What errors call it: `request`, `response`, `message`. */
  readonly part?: string;
  readonly versions: Versions;
  readonly flexible: number | undefined;
  readonly fields: S;
}

/** One message in all its versions: half of an API, or bytes that travel inside of one, as a member's subscription does. */
export class Message<const S extends Shape> {
  readonly name: string;
  readonly versions: Versions;
  readonly flexible: number | undefined;
  readonly fields: S;
  readonly #part: string;
  readonly #codecs: Codec[] = [];

  constructor({ name, part = 'message', versions, flexible, fields }: MessageDefinition<S>) {
    this.name = name;
    this.versions = versions;
    this.flexible = flexible;
    this.fields = fields;
    this.#part = part;
  }

  /** @throws InputError, UnsupportedError as {@link Api.encodeRequest}. */
  encode(writer: Writer, version: number, body: Input<S>): void {
    const codec = this.#codec(version);
    try {
      codec.write(writer, body);
    } catch (error) {
      throw explained(error, { api: this.name, part: this.#part, version });
    }
  }

  /** Reads one message; what is behind it is left. @throws ProtocolError as {@link Api.decodeRequest}. */
  decode(reader: Reader, version: number): Output<S> {
    const codec = this.#codec(version);
    try {
      return codec.read(reader) as Output<S>; // the codec was made from the same shape as the type
    } catch (error) {
      throw explained(error, { api: this.name, part: this.#part, version, position: reader.position });
    }
  }

  #codec(version: number): Codec {
    const known = this.#codecs[version];
    if (known !== undefined) return known;
    const [first, last] = this.versions;
    if (!Number.isInteger(version) || version < first || version > last) {
      throw new UnsupportedError(`${this.name} v${version} ${this.#part}: versions ${first} to ${last} are known`, {
        context: { api: this.name, version },
      });
    }
    return (this.#codecs[version] = compileShape(this.fields, version, this.flexible !== undefined && version >= this.flexible));
  }
}
