/** Lines as a log has them, each exactly so long: alike, but not the same. `seed` makes others. */
export function logLines(count: number, bytes: number, seed: number): Buffer[] {
  let state = seed * 2_654_435_761 + 12_345;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const words = ['order', 'payment', 'shipment', 'invoice', 'refund', 'customer', 'basket', 'accepted', 'declined', 'pending'];
  return Array.from({ length: count }, (_, i) => {
    let line = `{"id":${seed * 1_000_000 + i},"at":"2026-01-${1 + next(28)}T${next(24)}:${next(60)}:${next(60)}Z"`;
    while (line.length < bytes) line += `,"${words[next(words.length)]}":${next(100_000)}`;
    return Buffer.from(line.slice(0, bytes));
  });
}
