/** Who has something in hand that `close` waits for. */
export type HoldsOn = 'reader' | 'context' | 'run';

const texts: Record<HoldsOn, (ms: number) => string> = {
  reader: ms =>
    `a loop's body, or messages to be marked, held on for ${ms} ms (timeoutMs). What they hold is not done and comes again. ` +
    'If close() is awaited inside the body it waits for itself: break first, or do not await it there.',
  context: ms =>
    `a commit context was open for ${ms} ms (timeoutMs). What it was handed is not done and comes again. ` +
    'If close() is awaited inside the context it waits for itself: commit or roll back first, or do not await it there.',
  run: ms =>
    `handlers of run() held on for ${ms} ms (timeoutMs). What they have in hand is not done and comes again. ` +
    'If close() is awaited inside onResult it waits for itself: do not await it there.',
};

/** What `close` says when it has waited in vain. */
export const heldOn = (who: HoldsOn, ms: number): string => `close(): ${texts[who](Math.round(ms))}`;
