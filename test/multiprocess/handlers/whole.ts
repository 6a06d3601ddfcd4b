import type { AnyMessage } from '../../../src/records/index.js';

/** Everything that a message says of itself, as plain data. */
export const said = ({
  topic,
  partition,
  offset,
  timestamp,
  timestampType,
  leaderEpoch,
  key,
  value,
  headers,
  valid,
  magic,
}: AnyMessage) => ({
  ...{ topic, partition, offset, timestamp, timestampType, leaderEpoch, valid, magic },
  key: plain(key),
  value: plain(value),
  headers: headers.map(([name, each]) => [name, plain(each)]),
});

const plain = (bytes: unknown): string | null => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : null);

export default (message: AnyMessage) => said(message);
