const rowBytes = 16;
/** The most of a frame that is shown. */
const mostBytes = 16 * 1024;

/** Bytes as rows of hexadecimal numbers beside what is readable of them; of many the first 16 KiB, and how many more there are. */
export function hexDump(bytes: Uint8Array): string {
  const rows: string[] = [];
  const end = Math.min(bytes.length, mostBytes);
  for (let at = 0; at < end; at += rowBytes) {
    const row = [...bytes.subarray(at, Math.min(at + rowBytes, end))];
    const hex = row.map(byte => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(rowBytes * 3)} ${text}\n`);
  }
  if (bytes.length > end) rows.push(`${bytes.length - end} more bytes\n`);
  return rows.join('');
}
