import { logLines } from './log-lines.js';
import { Meter } from './usage.js';

/** How one way of writing calls its producer. */
export interface Calls {
  /** Sends `perCall` records; resolves when they are stored. */
  call(): Promise<unknown>;
  readonly perCall: number;
  /** Calls without an end at any time. */
  readonly width: number;
  /** Whether each of `width` callers awaits its call in a loop of its own. Otherwise the next call is made when one ends. */
  readonly awaiting?: boolean | undefined;
  /** Resolves when all is stored, where that a call has ended does not say so. */
  finish?(): Promise<unknown>;
}

/** What every writer sends: lines as a log has them, of so many bytes, the same for all. */
export const valuesOf = (count: number, bytes: number): readonly Buffer[] => logLines(count, bytes, 7);

/** Writes `warmUp` records, then `count` that are measured. Prints what those cost, for `measured` of usage.ts. */
export async function measureWriting(calls: Calls, warmUp: number, count: number, valueBytes: number): Promise<void> {
  const meter = new Meter();
  await write(calls, warmUp);
  meter.start(warmUp);
  await write(calls, count);
  console.log(JSON.stringify(meter.end(warmUp + count, (warmUp + count) * valueBytes)));
}

async function write(calls: Calls, total: number): Promise<void> {
  const callCount = Math.ceil(total / calls.perCall);
  await (calls.awaiting ? inLoops(calls, callCount) : inTurn(calls, callCount));
  await calls.finish?.();
}

async function inLoops({ call, width }: Calls, callCount: number): Promise<void> {
  let left = callCount;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: width }, caller));
}

function inTurn({ call, width }: Calls, callCount: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let [left, open] = [callCount, 0];
    const ask = (): void => {
      left -= 1;
      open += 1;
      call().then(ended, reject);
    };
    const ended = (): void => {
      open -= 1;
      if (left > 0) ask();
      else if (open === 0) resolve();
    };
    if (callCount === 0) resolve();
    while (left > 0 && open < width) ask();
  });
}
