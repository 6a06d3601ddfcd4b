import type { KafkaVersion } from '../../kafka/versions.js';

/** Releases whose answers are kept, oldest first. */
export const captured = ['1.1.1', '2.8.2', '3.9.2', '4.1.2', '4.3.1'] as const satisfies readonly KafkaVersion[];
