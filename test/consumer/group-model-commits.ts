import assert from 'node:assert/strict';
import { Commits } from './group-faults.js';
import type { Place, Tenure } from './group-ledger.js';
import type { Stage } from './group-model-stage.js';

/** Looks at every commit: what its sender may say, and whether the group may take it. */
export class CommitWatch {
  readonly #stage: Stage;
  /** The last commit to come in for these leaves something out: it has to be refused, since its sender is not who it was any more. */
  readonly #doubtful = new Map<Place, string>();
  /** Lets commits go wrong. */
  readonly faults: Commits;

  constructor(stage: Stage) {
    this.#stage = stage;
    const { cluster, ledger } = stage;
    this.faults = new Commits(
      cluster,
      ({ clientId, body }) => {
        for (const { name, partitions } of body.topics)
          for (const { partitionIndex, committedOffset } of partitions)
            stage.held(() => this.#sent(clientId, ledger.place(`${name}/${partitionIndex}`), committedOffset));
      },
      ({ clientId, body }, i, j) => {
        const { name = '', partitions = [] } = body.topics[i] ?? {};
        const partition = partitions[j]?.partitionIndex ?? -1;
        stage.held(() => this.#accepted(clientId, ledger.place(`${name}/${partition}`)));
      },
    );
  }

  /** A commit has come in: nothing below it may be left undone. */
  #sent(client: string | null, place: Place, offset: number): void {
    this.#stage.ledger.note(`${client} sends ${place.name} ${offset}, stored is ${this.#stage.ledger.stored(place)}`);
    const tenure = this.#tenureOf(client, place);
    const what = `${client} commits ${place.name} up to ${offset}`;
    assert.ok(tenure !== undefined, `${what}, which it never had`);
    if (tenure.position === undefined) tenure.begin(this.#stage.ledger.stored(place) ?? 0);
    if (!tenure.allows(offset)) this.#doubtful.set(place, `${what}, done to ${tenure.done} from ${tenure.floor}`);
    else this.#doubtful.delete(place);
    this.#stage.count('commits sent');
  }

  /** A commit was stored: nobody else may have begun with the partition. */
  #accepted(client: string | null, place: Place): void {
    this.#stage.ledger.note(`${client} stored ${place.name}`);
    assert.ok(!this.#doubtful.has(place), this.#doubtful.get(place));
    assert.equal(place.last?.member.name, client, `a commit of ${place.name} is stored for whom it was given to last`);
    this.#stage.count('commits stored');
  }

  #tenureOf(client: string | null, place: Place): Tenure | undefined {
    const member = this.#stage.members.find(({ name }) => name === client);
    return member?.tenures.get(place.name) ?? member?.former.get(place.name);
  }
}
