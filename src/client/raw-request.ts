import { KafkaError, TimeoutError } from '../base/errors.js';
import { custom, optional } from '../base/options.js';
import { remade } from '../base/remade.js';
import { limited, orAborted } from '../base/wait.js';
import { isUnanswered } from '../cluster/cluster.js';
import type { CoordinatorKind } from '../cluster/coordinators.js';
import { leaderIn } from '../cluster/scatter.js';
import type { Api, RequestOf, ResponseOf } from '../protocol/index.js';
import type { ClientCore } from './client.js';

/** Which broker a raw request is for. */
export type RequestTarget =
  | 'any'
  | 'controller'
  | { readonly broker: number }
  | { readonly topic: string; readonly partition: number }
  | { readonly group: string }
  | { readonly transaction: string };

/** Which broker, for the options of a request. */
export const targetRule = optional(
  custom<RequestTarget, RequestTarget | undefined>(
    "'any', 'controller', { broker }, { topic, partition }, { group } or { transaction }",
    undefined,
    to => (isTarget(to) ? to : undefined),
  ),
);

function isTarget(to: unknown): to is RequestTarget {
  if (to === 'any' || to === 'controller') return true;
  if (typeof to !== 'object' || to === null) return false;
  if ('broker' in to) return Number.isInteger(to.broker);
  if ('topic' in to) return typeof to.topic === 'string' && 'partition' in to && Number.isInteger(to.partition);
  const id = 'group' in to ? to.group : 'transaction' in to ? to.transaction : undefined;
  return typeof id === 'string' && id !== '';
}

/** The raw answer of whoever `to` means. What certainly was not sent is tried again; nothing else is. */
export async function rawRequest<A extends Api>(
  core: ClientCore,
  api: A,
  body: RequestOf<A>,
  to: RequestTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number | undefined; readonly signal: AbortSignal | undefined },
): Promise<ResponseOf<A>> {
  const { cluster } = core;
  const send = { timeoutMs, signal, changes: true };
  const ms = timeoutMs ?? cluster.settings.requestTimeoutMs;
  const late = () =>
    new TimeoutError(`${api.name}: not sent within ${Math.round(ms)} ms: no broker has said who it is for`, {
      retriable: true,
      persistence: 'no',
    });
  return cluster.retrying(
    async () => {
      let id: number | undefined;
      try {
        id = await limited(cluster.clock, { ms, signal, late }, stop => orAborted(target(core, to), stop));
        return id === undefined ? await cluster.toAny(api, body, send) : await cluster.toBroker(id, api, body, send);
      } catch (error) {
        if (id !== undefined && isUnanswered(error)) notAt(core, id, to);
        if (error instanceof KafkaError && error.retriable && error.persistence === 'maybe') throw remade(error, { retriable: false }); // whether it was applied is for the caller to find out
        throw error;
      }
    },
    { signal },
  );
}

async function target({ cluster, coordinators }: ClientCore, to: RequestTarget): Promise<number | undefined> {
  if (to === 'any') return undefined;
  if (to === 'controller') {
    const { controllerId } = cluster.metadata.controllerId < 0 ? await cluster.refresh([]) : cluster.metadata;
    return controllerId < 0 ? undefined : controllerId;
  }
  if ('broker' in to) {
    if (!cluster.metadata.brokers.has(to.broker)) await cluster.refresh([]);
    return to.broker;
  }
  if ('topic' in to) {
    const topic = (await cluster.topics([to.topic])).topics.get(to.topic);
    try {
      return leaderIn(topic, to).leader;
    } catch (error) {
      if (topic !== undefined) cluster.outdated(topic); // there may be a leader by the next attempt
      throw error;
    }
  }
  return coordinators.findAnew(...coordinated(to));
}

/** Whoever `to` means, it may not be broker `id` any more. */
function notAt({ cluster }: ClientCore, id: number, to: RequestTarget): void {
  if (to === 'controller') cluster.forgetController(id);
  if (typeof to === 'string' || !('topic' in to)) return;
  const topic = cluster.topic(to.topic);
  if (topic !== undefined) cluster.outdated(topic);
}

const coordinated = (to: { readonly group: string } | { readonly transaction: string }): [CoordinatorKind, string] =>
  'group' in to ? ['group', to.group] : ['transaction', to.transaction];
