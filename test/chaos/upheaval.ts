import type { KafkaClient } from '../../src/index.js';
import { seeded } from '../interop/workload.js';
import type { Happening } from './course.js';
import { untilInSync } from './in-sync.js';
import { moveLeader } from './move-leader.js';
import type { ProxiedCluster } from './proxied.js';

/** How much happens while so many records are sent, all of it at places that the seed chooses. */
export interface UpheavalOptions {
  readonly seed: number;
  readonly count: number;
  /** How often a node is killed, and how often one is ended in good order; it comes back later. */
  readonly killCount: number;
  readonly stopCount: number;
  /** How often a node is frozen, and goes on later as if nothing had been. Default 0. */
  readonly freezeCount?: number | undefined;
  /** How often another replica is made the leader of a partition. */
  readonly moveCount: number;
  /** How often all connections to a node are cut after so many bytes. */
  readonly cutCount: number;
}

/** How often it came to what. */
export interface Happened {
  kill: number;
  stop: number;
  freeze: number;
  moves: number;
  cuts: number;
}

const MOST_BYTES_BEFORE_A_CUT = 200_000;

/**
 * What happens to a cluster. One node at a time is away, from early to late in its part of the records; leaders move and connections are
 * cut at any place, also meanwhile.
 * @param watcher A client that is not cut.
 * @param happened Counts what has come to pass.
 */
export function upheaval(
  { kafka, proxies }: ProxiedCluster,
  watcher: KafkaClient,
  topic: string,
  { seed, count, killCount, stopCount, freezeCount = 0, moveCount, cutCount }: UpheavalOptions,
  happened: Happened,
  say: (line: string) => void,
): Happening[] {
  const next = seeded(seed ^ 0x0b1a57);
  const choose = (of: number): number => Math.floor(next() * of);
  const at = (i: number, of: number): number => Math.round((i / of) * count);
  const happenings: Happening[] = [];

  const downs = [...times(killCount, 'kill' as const), ...times(stopCount, 'stop' as const), ...times(freezeCount, 'freeze' as const)];
  const downCount = downs.length;
  for (let i = 0; i < downCount; i++) {
    const [how] = downs.splice(choose(downs.length), 1);
    const node = kafka.nodes[choose(kafka.nodes.length)];
    const [gone, back] = [at(i + 0.05 + 0.2 * next(), downCount), at(i + 0.5 + 0.2 * next(), downCount)];
    if (node === undefined || how === undefined) continue;
    let leads = 0;
    const goes = async (): Promise<void> => {
      leads = (await kafka.leaders(topic)).filter(leader => leader === node.id).length;
      if (how === 'freeze') node.pause();
      else await node[how]();
      happened[how] += 1;
    };
    const comes = async (): Promise<void> => {
      if (how === 'freeze') node.resume();
      else await node.restart();
      await untilInSync(watcher, topic, kafka.nodes.length);
      say(`  node ${node.id}, leader of ${leads} partitions: ${how} at ${gone}, back at ${back}`);
    };
    happenings.push({ at: gone, run: goes }, { at: back, run: comes });
  }
  for (let i = 0; i < moveCount; i++) {
    const run = async (): Promise<void> => {
      await moveLeader(watcher, topic, choose);
      happened.moves += 1;
    };
    happenings.push({ at: at(i + next(), moveCount), run });
  }
  for (let i = 0; i < cutCount; i++) {
    const [proxy, bytes] = [proxies[choose(proxies.length)], 1 + choose(MOST_BYTES_BEFORE_A_CUT)];
    const direction = next() < 0.5 ? 'to-server' : 'to-client';
    const run = (): void => {
      // not waited for: a node that is away passes no bytes
      proxy?.limitBytes(direction === 'to-server' ? bytes : Math.ceil(bytes / 100), direction).then(() => {
        happened.cuts += 1;
      });
    };
    happenings.push({ at: at(i + next(), cutCount), run });
  }
  return happenings;
}

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what);
