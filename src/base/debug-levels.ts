/**
 * What can be listened to. `Connection`: 1, requests, answers, errors that pass. `IO`: 1, connections that open, close and fail; 2, every frame
 * as a hex dump too. `Consumer`, `Producer`, `Admin`: 1, what these say of their own work.
 */
export const debugScopes = ['Connection', 'IO', 'Consumer', 'Producer', 'Admin'] as const;
export type DebugScope = (typeof debugScopes)[number];
export type DebugLevels = Readonly<Record<DebugScope, number>>;

/**
 * The levels that a text as `1`, `IO:2` or `Connection:1,IO:2` asks for: a number alone is for every scope that is not named. What it says
 * beside that is `ignored`.
 */
export function debugLevels(text: string | undefined): { readonly levels: DebugLevels; readonly ignored: readonly string[] } {
  const named = new Map<string, number>();
  const ignored: string[] = [];
  let others = 0;
  for (const part of (text ?? '').split(',').map(each => each.trim())) {
    if (part === '') continue;
    const [, scope, level] = /^(?:(\w+):)?(\d{1,3})$/.exec(part) ?? [];
    if (level === undefined || (scope !== undefined && !debugScopes.some(known => known === scope))) ignored.push(part);
    else if (scope === undefined) others = Number(level);
    else named.set(scope, Number(level));
  }
  const of = (scope: DebugScope) => named.get(scope) ?? others;
  return {
    levels: { Connection: of('Connection'), IO: of('IO'), Consumer: of('Consumer'), Producer: of('Producer'), Admin: of('Admin') },
    ignored,
  };
}
