export const line = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};

/** `1234567` as `1,234,567`. */
export const grouped = (count: number): string => Math.round(count).toLocaleString('en-US');

/** How many a second, and in how long. */
export const rate = (count: number, ms: number): string => `${(ms / 1000).toFixed(2)} s, ${grouped((count / ms) * 1000)} a second`;
