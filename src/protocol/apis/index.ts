import type { Api } from '../define-api.js';
import { ApiVersions } from './api-versions.js';
import { CreateTopics } from './create-topics.js';
import { DeleteTopics } from './delete-topics.js';
import { DescribeConfigs } from './describe-configs.js';
import { Fetch } from './fetch.js';
import { FindCoordinator } from './find-coordinator.js';
import { InitProducerId } from './init-producer-id.js';
import { ListOffsets } from './list-offsets.js';
import { Metadata } from './metadata.js';
import { OffsetCommit } from './offset-commit.js';
import { OffsetFetch } from './offset-fetch.js';
import { Produce } from './produce.js';

export {
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DescribeConfigs,
  Fetch,
  FindCoordinator,
  InitProducerId,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  Produce,
};

const all: readonly Api[] = [
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  FindCoordinator,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  InitProducerId,
  DescribeConfigs,
];

/** Every API that tidemark speaks, by its key. */
export const apisByKey: ReadonlyMap<number, Api> = new Map(all.map(api => [api.key, api]));
