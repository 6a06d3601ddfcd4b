import { existsSync, readFileSync } from 'node:fs';
import type { Exit, GuardedProcess } from './process.js';

/** How a cluster starts one of its nodes, and knows that it is up. */
export interface NodeControl {
  launch(): Promise<GuardedProcess>;
  untilReady(): Promise<void>;
}

/** One broker of a cluster, to be killed and brought back. */
export class KafkaNode {
  /** Its broker id: 1, 2, 3. */
  readonly id: number;
  /** Port of its plain listener; the same after a restart. */
  readonly port: number;
  readonly logFile: string;
  readonly #control: NodeControl;
  #process: GuardedProcess | undefined;
  #paused = false;

  constructor(id: number, port: number, logFile: string, control: NodeControl) {
    this.id = id;
    this.port = port;
    this.logFile = logFile;
    this.#control = control;
  }

  /** `host:port` of its plain listener. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }
  get pid(): number | undefined {
    return this.running ? this.#process?.pid : undefined;
  }
  /** Whether its process exists, be it paused or not. */
  get running(): boolean {
    return this.#process?.running ?? false;
  }
  /** Whether its process exists but is stopped by {@link pause}. */
  get paused(): boolean {
    return this.running && this.#paused;
  }

  /** Everything it has logged, over all its starts. */
  logs(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Starts its process without waiting until it answers. */
  async launch(): Promise<void> {
    if (this.running) throw new Error(`node ${this.id} is running already`);
    this.#paused = false;
    this.#process = await this.#control.launch();
  }

  /** Ends it like a power cut (SIGKILL), and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Ends it in good order (SIGTERM): its partitions move to other nodes first. */
  async stop(): Promise<Exit | undefined> {
    return this.#process?.stop(60_000);
  }

  /** Freezes it (SIGSTOP): connections stay open, nothing is answered. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
    this.#paused = true;
  }

  /** Lets it go on after {@link pause}. */
  resume(): void {
    this.#process?.signal('SIGCONT');
    this.#paused = false;
  }

  /**
   * Starts it again on the same port and files, ending it in good order first if it runs. Resolves when every running node lists it.
   * Nodes that cannot reach a majority alone are restarted together: `Promise.all(nodes.map(node => node.restart()))`.
   */
  async restart(): Promise<void> {
    await this.stop();
    for (;;) {
      const logged = this.logs().length;
      await this.launch();
      try {
        return await this.#control.untilReady();
      } catch (error) {
        // ZooKeeper still holds the session of the killed process, for 2 s at most: the new one gives up at once
        if (this.running || !/NodeExists|already registered/.test(this.logs().slice(logged))) throw error;
      }
    }
  }
}
