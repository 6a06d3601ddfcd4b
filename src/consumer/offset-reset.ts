import { custom } from '../base/options.js';

/** Where to go when there is no offset, or it is not in the log. */
export type AutoOffsetReset = 'earliest' | 'latest' | 'none' | { readonly timestampMs: number };

const names: Readonly<Record<string, AutoOffsetReset>> = {
  earliest: 'earliest',
  latest: 'latest',
  none: 'none',
  smallest: 'earliest',
  largest: 'latest',
};

export const autoOffsetResetRule = custom<AutoOffsetReset | 'smallest' | 'largest', AutoOffsetReset>(
  '"earliest", "latest", "none" or { timestampMs }, whole ms since 1970',
  'earliest',
  value => {
    if (typeof value === 'string') return Object.hasOwn(names, value) ? names[value] : undefined;
    const timestampMs = typeof value === 'object' && value !== null && 'timestampMs' in value ? value.timestampMs : undefined;
    return typeof timestampMs === 'number' && Number.isSafeInteger(timestampMs) && timestampMs >= 0 ? { timestampMs } : undefined;
  },
);
