import { UnsupportedError } from '../base/errors.js';

/** The versions of one API that one side speaks, both ends included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

interface Versioned {
  readonly key: number;
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
}

/**
 * The highest version both sides speak, not above `cap`.
 * @throws KafkaError `TIDE_UNSUPPORTED` naming the API and both ranges when there is none.
 */
export function chooseVersion(
  api: Versioned,
  offered: ReadonlyMap<number, VersionRange>,
  broker: string,
  cap = Number.POSITIVE_INFINITY,
): number {
  const [min, max] = api.versions;
  const theirs = offered.get(api.key);
  if (theirs === undefined) {
    throw new UnsupportedError(`${api.name}: broker ${broker} does not offer this API; it is too old, or of another kind`, {
      context: { api: api.name, broker },
    });
  }
  const version = Math.min(max, theirs.max, cap);
  if (version >= min && version >= theirs.min) return version;
  const limit = cap < Math.min(max, theirs.max) ? `, and here at most ${cap} can be used` : '';
  throw new UnsupportedError(
    `${api.name}: broker ${broker} speaks versions ${theirs.min} to ${theirs.max}, tidemark ${min} to ${max}${limit}: none in common`,
    { context: { api: api.name, broker, brokerMin: theirs.min, brokerMax: theirs.max, ownMin: min, ownMax: max } },
  );
}
