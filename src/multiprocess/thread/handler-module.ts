import { asError, InputError } from '../../base/errors.js';
import { show } from '../../base/options.js';
import type { AnyBatch } from '../../consumer/message-batch.js';
import type { AnyMessage } from '../../records/index.js';
import type { BatchContext, MessageContext, ThreadContext } from './context.js';
import type { ModuleDeserializers } from './made.js';

/** What a handler module has: `handle`, which is its default export too, or `handleBatch`. */
export interface HandlerModule extends ModuleDeserializers {
  readonly handle: ((message: AnyMessage, context: MessageContext) => unknown) | undefined;
  readonly handleBatch: ((batch: AnyBatch, context: BatchContext) => unknown) | undefined;
  readonly setup: ((context: ThreadContext) => unknown) | undefined;
  readonly teardown: ((context: ThreadContext) => unknown) | undefined;
}

/** Loaders as tsx, which the main thread may have, are not there in threads. */
const tsHint = '; a thread loads what Node.js itself does: give the compiled .js, or run Node.js 22.18 or newer, which knows .ts';

/**
 * Loads a handler module, ESM or CommonJS.
 * @throws KafkaError `TIDE_HANDLER` that names the module, when it cannot be loaded or has no handler.
 */
export async function loadHandler(url: string): Promise<HandlerModule> {
  let loaded: Readonly<Record<string, unknown>>;
  try {
    loaded = await import(url);
  } catch (error) {
    const { message } = asError(error);
    const hint = /unknown file extension "\.[cm]?tsx?"/i.test(message) ? tsHint : '';
    throw new InputError(`the handler module ${url} could not be loaded: ${message}${hint}`, { code: 'TIDE_HANDLER', cause: error });
  }
  const of = (name: string) => functionOf(url, name, exported(loaded, name));
  const handle = of('default') ?? of('handle');
  const handleBatch = of('handleBatch');
  if (handle === undefined && handleBatch === undefined) {
    throw new InputError(
      `the handler module ${url} has no handler: expected "export default async (message, context) => {...}" or an export "handleBatch"; ` +
        `it exports ${Object.keys(loaded).join(', ') || 'nothing'}`,
      { code: 'TIDE_HANDLER' },
    );
  }
  if (handle !== undefined && handleBatch !== undefined) {
    throw new InputError(`the handler module ${url} has a handler for messages and handleBatch; expected one of them`, {
      code: 'TIDE_HANDLER',
    });
  }
  const [keyDeserializer, valueDeserializer] = [of('keyDeserializer'), of('valueDeserializer')];
  return { handle, handleBatch, setup: of('setup'), teardown: of('teardown'), keyDeserializer, valueDeserializer } as HandlerModule;
}

/** An export by name; what CommonJS exports stands in the default export too, and what TypeScript makes of it once more inside. */
function exported(loaded: Readonly<Record<string, unknown>>, name: string): unknown {
  const inner = loaded['default'];
  if (name !== 'default')
    return (
      loaded[name] ?? (hasExports(inner) ? (inner[name] ?? (hasExports(inner['default']) ? inner['default'][name] : undefined)) : undefined)
    );
  return typeof inner !== 'function' && hasExports(inner) ? inner['default'] : inner;
}

function functionOf(url: string, name: string, value: unknown): unknown {
  if (value === undefined || typeof value === 'function') return value;
  throw new InputError(`the handler module ${url}: "${name}" must be a function, got ${show(value)}`, { code: 'TIDE_HANDLER' });
}

/** CommonJS may export a function that has the others as its properties. */
const hasExports = (value: unknown): value is Readonly<Record<string, unknown>> =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';
