/** Who waits for each signal, and the listener that tells them. */
interface Waiting {
  readonly all: Set<() => void>;
  readonly tell: () => void;
}

const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `listener` when `signal` is aborted, unless the function given back is called before; a signal that is aborted already calls
 * nobody. However many wait, the signal has one listener of ours: with more than ten Node warns of a leak, and every request under way waits.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined || signal.aborted) return () => {};
  const waiting = waitingFor.get(signal) ?? watch(signal);
  waiting.all.add(listener);
  return () => {
    if (!waiting.all.delete(listener) || waiting.all.size > 0) return;
    // A signal that is listened to is kept alive, also when nobody else knows it any more.
    waitingFor.delete(signal);
    signal.removeEventListener('abort', waiting.tell);
  };
}

/** A signal that is aborted when one of `signals` is, until `unlink` is called. `AbortSignal.any` would hold on to signals that live long. */
export function linked(...signals: readonly (AbortSignal | undefined)[]): { readonly signal: AbortSignal; unlink(): void } {
  const controller = new AbortController();
  const unlinks = signals.map(signal => {
    const abort = () => controller.abort(signal?.reason);
    if (signal?.aborted) abort();
    return onAbort(signal, abort);
  });
  return {
    signal: controller.signal,
    unlink: () => {
      for (const unlink of unlinks) unlink();
    },
  };
}

function watch(signal: AbortSignal): Waiting {
  const all = new Set<() => void>();
  const tell = () => {
    waitingFor.delete(signal);
    for (const listener of all) listener();
  };
  const waiting = { all, tell };
  waitingFor.set(signal, waiting);
  signal.addEventListener('abort', tell, { once: true });
  return waiting;
}
