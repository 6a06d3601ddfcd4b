import type { Log } from '../base/log.js';
import { AlterUserScramCredentials, type Api, IncrementalAlterConfigs, SaslAuthenticate } from '../protocol/index.js';

/** What a log is told of a request. */
interface Logged {
  readonly api: Api;
  readonly version: number;
  readonly correlationId: number;
  readonly sizeBytes: number;
}

/** Passwords, or what is as good as one, tokens, and settings that may be either go in these. */
const secret: ReadonlySet<Api> = new Set<Api>([SaslAuthenticate, AlterUserScramCredentials, IncrementalAlterConfigs]);

const fieldsOf = (broker: string, { api, version, correlationId }: Logged) => ({ api: api.name, version, broker, correlationId });

/** A request is on its way. */
export function logRequest(log: Log, broker: string, request: Logged & { readonly chunks: readonly Uint8Array[] }): void {
  const fields = { ...fieldsOf(broker, request), bytes: request.sizeBytes };
  log.say('Connection', 'debug', 'request', fields);
  if (log.dumps) log.dump('request', fields, secret.has(request.api) ? undefined : Buffer.concat(request.chunks));
}

/** A frame came, which was not looked into yet. */
export function logFrame(log: Log, broker: string, request: Logged, frame: Uint8Array): void {
  const fields = { ...fieldsOf(broker, request), bytes: frame.length };
  log.dump('answer', fields, secret.has(request.api) ? undefined : frame);
}

/** A request has its answer, or will get none. */
export function logAnswer(
  log: Log,
  broker: string,
  request: Logged,
  end: { readonly bytes: number; readonly durationMs: number; readonly throttleMs: number; readonly error: Error | undefined },
): void {
  const { bytes, durationMs, throttleMs, error } = end;
  const fields = { ...fieldsOf(broker, request), durationMs: Math.round(durationMs) };
  if (error === undefined) log.say('Connection', 'debug', 'answer', { ...fields, bytes, throttleMs });
  else log.say('Connection', 'debug', 'no answer', { ...fields, error: error.message });
}
