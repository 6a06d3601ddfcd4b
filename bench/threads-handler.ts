import type { Message } from '../src/index.js';

let microseconds = 0;

export function setup({ workerData }: { readonly workerData: unknown }): void {
  microseconds = Number(workerData);
}

/** Computes for so many microseconds. */
export default function handle(_: Message): void {
  if (microseconds === 0) return;
  const until = performance.now() + microseconds / 1000;
  while (performance.now() < until);
}
