import type { Assignor } from './assignor.js';
import { cooperativeStickyAssignor } from './cooperative-sticky.js';
import { rangeAssignor } from './range.js';
import { roundRobinAssignor } from './round-robin.js';
import { stickyAssignor } from './sticky.js';

export { cooperativeStickyAssignor, rangeAssignor, roundRobinAssignor, stickyAssignor };

/** Kafka's own assignors, by the names that members agree on. */
export const assignors: ReadonlyMap<string, Assignor> = new Map(
  [rangeAssignor, roundRobinAssignor, stickyAssignor, cooperativeStickyAssignor].map(assignor => [assignor.name, assignor]),
);
