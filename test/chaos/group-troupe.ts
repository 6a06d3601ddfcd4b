import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KafkaClient } from '../../src/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { poll } from '../kafka/handle.js';
import { GuardedProcess } from '../kafka/process.js';
import type { MemberWork } from './group-member.js';
import { endOf, GroupNotes, type Ownership } from './group-notes.js';
import { type GroupProtocol, viewGroup } from './group-view.js';

const PROGRAM = fileURLToPath(new URL('./group-member.js', import.meta.url));
const PATIENCE_MS = 90_000;

/** Where the members of a group work. */
export interface TroupeSite {
  readonly client: KafkaClient;
  readonly bootstrap: readonly string[];
  readonly topic: string;
  readonly groupId: string;
  readonly protocol: GroupProtocol;
  /** For the members' notes. */
  readonly directory: string;
}

/** A member in a process of its own. */
export interface TroupeMember {
  readonly name: string;
  readonly process: GuardedProcess;
  readonly notes: GroupNotes;
  readonly file: string;
}

/** The members of one group, each in a process of its own, and what all of them noted. */
export class Troupe implements AsyncDisposable {
  readonly #site: TroupeSite;
  readonly #all: TroupeMember[] = [];
  readonly #gone = new Set<TroupeMember>();

  constructor(site: TroupeSite) {
    this.#site = site;
  }

  /** Those that run. */
  get members(): readonly TroupeMember[] {
    return this.#all.filter(member => !this.#gone.has(member));
  }

  get ownerships(): readonly Ownership[] {
    return this.#all.flatMap(({ notes }) => notes.ownerships);
  }

  get commitFailures(): number {
    return this.#all.reduce((sum, { notes }) => sum + notes.commitFailures, 0);
  }

  /** Starts one more. */
  join(work: MemberWork): TroupeMember {
    const { bootstrap, topic, groupId, protocol, directory } = this.#site;
    const name = `member-${this.#all.length + 1}`;
    const file = join(directory, name);
    const told: MemberWork = { ...work, consumer: protocolOptions({ groupProtocol: protocol, ...work.consumer }) };
    const program = GuardedProcess.start(process.execPath, [PROGRAM, bootstrap.join(), topic, groupId, JSON.stringify(told)], {
      log: file,
    });
    const member = { name, process: program, notes: new GroupNotes(name, file), file };
    this.#all.push(member);
    return member;
  }

  /** Ends one like a power cut. */
  async kill(member: TroupeMember): Promise<void> {
    this.#gone.add(member);
    await member.process.kill();
    member.notes.read();
  }

  /** Ends one in good order. @throws AssertionError unless it gives everything back, with all that it has done of it committed. */
  async leave(member: TroupeMember): Promise<void> {
    await this.until(`${member.name} begun`, () => member.notes.isUp);
    this.#gone.add(member);
    const { code } = await member.process.stop(60_000);
    member.notes.read();
    assert.equal(code, 0, `${member.name}: ${readFileSync(member.file, 'latin1').slice(-2000)}`);
    assert.deepEqual(member.notes.owned, [], `${member.name} kept partitions`);
    const committed = await this.committed();
    for (const { partition, end, ...owned } of new Map(member.notes.ownerships.map(each => [each.partition, each])).values()) {
      if (end === 'revoked' && owned.first !== undefined)
        assert.ok((committed.get(partition) ?? 0) >= endOf({ partition, end, ...owned }), `${member.name} left ${partition} uncommitted`);
    }
  }

  /** Stops its process, and lets it go on when the group has gone on without it; resolves when it is a member again. */
  async freeze(member: TroupeMember): Promise<{ readonly from: number; readonly to: number }> {
    const { client, groupId, protocol, topic } = this.#site;
    await this.until(`${member.name} a member`, () => member.notes.restCount > 0);
    const from = Date.now();
    member.process.signal('SIGSTOP');
    member.notes.read();
    const { memberId, restCount } = member.notes;
    await poll(`the group without ${member.name}`, PATIENCE_MS, async () => {
      const view = await viewGroup(client, groupId, protocol, topic);
      return view.members.every(each => each.memberId !== memberId);
    });
    member.process.signal('SIGCONT');
    await this.until(`${member.name} back`, () => member.notes.restCount > restCount);
    return { from, to: Date.now() };
  }

  /** Where the group stands; 0 where nothing is committed. */
  async committed(): Promise<ReadonlyMap<number, number>> {
    const { client, topic, groupId } = this.#site;
    const places = Array.from({ length: await client.partitionCount(topic) }, (_, partition) => ({ topic, partition }));
    const found = await client.offsetCoordinator({ groupId }).offsets(places);
    return new Map(places.map(({ partition }, i) => [partition, found[i]?.offset ?? 0]));
  }

  /** @throws AssertionError when more is committed than anybody noted. */
  async assertCommittedIsDone(): Promise<void> {
    const committed = await this.committed();
    const reached = this.reached();
    for (const [partition, offset] of committed)
      assert.ok(offset <= (reached.get(partition) ?? 0), `partition ${partition}: ${offset} is committed, ${reached.get(partition)} done`);
  }

  /** Behind the last message of each partition that anybody worked on. */
  reached(): ReadonlyMap<number, number> {
    const reached = new Map<number, number>();
    for (const { notes } of this.#all) notes.read();
    for (const owned of this.ownerships) reached.set(owned.partition, Math.max(reached.get(owned.partition) ?? 0, endOf(owned)));
    return reached;
  }

  /** Waits until `holds`, reading what is noted. @throws AssertionError when a member ends by itself, or notes what is wrong. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await poll(what, PATIENCE_MS, async () => {
      for (const { notes } of this.#all) notes.read();
      return this.#fault() !== undefined || (await holds());
    });
    assert.equal(this.#fault(), undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map(member => member.process.kill()));
    for (const { notes } of this.#all) notes.close();
  }

  #fault(): string | undefined {
    const ended = this.members.find(({ process: { running } }) => !running);
    if (ended !== undefined) return `${ended.name} ended by itself: ${ended.notes.said}`;
    return this.#all.flatMap(({ notes: { faults } }) => faults)[0];
  }
}
