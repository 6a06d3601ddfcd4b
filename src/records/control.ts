/** What a control batch says: how a transaction ended, or something between brokers (`'other'`) that does not concern a reader. */
export type ControlType = 'abort' | 'commit' | 'other';

const types: readonly ControlType[] = ['abort', 'commit'];

/**
 * What the key of a control record says: a version and a type, two bytes each. Unknown types and damaged keys are `'other'`.
 * @see KIP-98, "Control Messages"
 */
export function controlTypeOf(key: Buffer | null): ControlType {
  if (key === null || key.length < 4 || key.readInt16BE(0) < 0) return 'other';
  return types[key.readInt16BE(2)] ?? 'other';
}

/** The key and the value of the record that ends a transaction. */
export function endOfTransaction(type: 'abort' | 'commit', coordinatorEpoch: number): { key: Buffer; value: Buffer } {
  const key = Buffer.alloc(4);
  key.writeInt16BE(types.indexOf(type), 2);
  const value = Buffer.alloc(6);
  value.writeInt32BE(coordinatorEpoch, 2);
  return { key, value };
}
