import { closeSync, openSync, readSync } from 'node:fs';

/** A partition in the hands of one member, from being assigned to it until it was taken away, or the member ended. */
export interface Ownership {
  readonly member: string;
  readonly partition: number;
  readonly assignedAt: number;
  /** How it ended; `open`: it did not, or its member was killed. */
  end: 'open' | 'revoked' | 'lost';
  endedAt: number;
  /** A commit of its member failed meanwhile. */
  hadFailure: boolean;
  /** The offset of the first message that was worked on; the others follow it without a gap. */
  first: number | undefined;
  /** The numbers of the messages, and when each was done. */
  readonly numbers: number[];
  readonly times: number[];
}

/** Behind the last message that was worked on. */
export const endOf = ({ first = 0, numbers }: Ownership): number => first + numbers.length;

/** What a member noted, read as it grows; see group-member.ts. */
export class GroupNotes {
  readonly ownerships: Ownership[] = [];
  /** What was noted that is wrong by itself. */
  readonly faults: string[] = [];
  /** What the program said that is no note. */
  said = '';
  /** Whether it can be ended in good order. */
  isUp = false;
  /** The message at which its event loop stood still. */
  blockedAt: { readonly partition: number; readonly offset: number } | undefined;
  memberId = '';
  /** Of the last time that the group was at rest. */
  generationId = -1;
  restCount = 0;
  commitFailures = 0;
  readonly #member: string;
  readonly #file: number;
  readonly #owned = new Map<number, Ownership>();
  #at = 0;
  #rest = '';

  constructor(member: string, path: string) {
    this.#member = member;
    this.#file = openSync(path, 'r');
  }

  /** The partitions that it holds. */
  get owned(): readonly number[] {
    return [...this.#owned].filter(([, { end }]) => end === 'open').map(([partition]) => partition);
  }

  /** Reads on; a line that is not whole yet is left for the next time. */
  read(): void {
    const chunk = Buffer.allocUnsafe(1 << 16);
    for (let size = 0; (size = readSync(this.#file, chunk, 0, chunk.length, this.#at)) > 0; this.#at += size) {
      const lines = (this.#rest + chunk.toString('latin1', 0, size)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #take(line: string): void {
    const [what = '', time = '', ...more] = line.split(' ');
    const at = Number(time);
    if (/^\d+ \d+ \d+ \d+$/.test(line)) this.#worked(Number(what), at, Number(more[0]), Number(more[1]));
    else if (what === '+') for (const partition of listOf(more)) this.#assigned(partition, at);
    else if (what === '-' || what === '!')
      for (const partition of listOf(more)) this.#ended(partition, at, what === '-' ? 'revoked' : 'lost');
    else if (what === '=') {
      this.restCount += 1;
      this.generationId = Number(more[0]);
      this.memberId = more[1] ?? '';
    } else if (what === '?') {
      this.commitFailures += 1;
      for (const owned of this.#owned.values()) if (owned.end === 'open') owned.hadFailure = true;
    } else if (what === '#') this.blockedAt = { partition: Number(more[0]), offset: Number(more[1]) };
    else if (what === '.') this.isUp = true;
    else this.said += `${line}\n`;
  }

  #assigned(partition: number, assignedAt: number): void {
    if (this.owned.includes(partition)) this.#fault(`partition ${partition} was assigned to it twice`);
    const ownership: Ownership = {
      ...{ member: this.#member, partition, assignedAt, end: 'open', endedAt: Number.POSITIVE_INFINITY, hadFailure: false },
      ...{ first: undefined, numbers: [], times: [] },
    };
    this.#owned.set(partition, ownership);
    this.ownerships.push(ownership);
  }

  #ended(partition: number, at: number, end: 'revoked' | 'lost'): void {
    const ownership = this.#owned.get(partition);
    if (ownership?.end !== 'open') return this.#fault(`partition ${partition} was ${end}, and was not its own`);
    ownership.end = end;
    ownership.endedAt = at;
  }

  /** A message that is in hand when its partition is lost, may be worked on to its end: one, since a loop has one in hand. */
  #worked(partition: number, offset: number, number: number, time: number): void {
    const ownership = this.#owned.get(partition);
    const where = `${partition}/${offset}`;
    if (ownership === undefined || ownership.end === 'revoked') return this.#fault(`${where} was worked on, and is not its own`);
    const { end, endedAt, numbers, times } = ownership;
    if (end === 'lost' && (times.at(-1) ?? 0) > endedAt) return this.#fault(`${where} was worked on after it was lost`);
    ownership.first ??= offset;
    if (offset !== endOf(ownership)) return this.#fault(`${where} was worked on where ${endOf(ownership)} is the next`);
    numbers.push(number);
    times.push(time);
  }

  #fault(text: string): void {
    this.faults.push(`${this.#member}: ${text}`);
  }
}

const listOf = ([partitions = '']: readonly string[]): number[] => partitions.split(',').filter(Boolean).map(Number);
