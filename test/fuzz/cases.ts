import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, apisByKey } from '../../src/protocol/index.js';
import { PROJECT_ROOT } from '../kafka/project.js';
import { anyBatches } from './batches.js';
import { Dice } from './dice.js';
import { type FieldPlace, TracingReader } from './fields.js';
import { mutated } from './mutate.js';

/** Bytes for a decoder, and which. */
export type Case =
  | { readonly kind: 'response' | 'request'; readonly name: string; readonly api: string; readonly version: number; readonly bytes: Buffer }
  | { readonly kind: 'batch'; readonly name: string; readonly bytes: Buffer };

interface Frame {
  readonly api: Api;
  readonly part: 'response' | 'request';
  readonly version: number;
  readonly bytes: Buffer;
  fields: readonly FieldPlace[] | undefined;
}

const byName = new Map<string, Api>([...apisByKey.values()].map(api => [api.name, api]));

/** What Kafka's own classes wrote, for every API and version; those of more than one set are alike enough to count as one. */
const frames: readonly Frame[] = readFileSync(join(PROJECT_ROOT, 'test/golden/protocol/frames.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .flatMap((line): Frame[] => {
    const { api: name, part, version, frame } = JSON.parse(line);
    const api = byName.get(name);
    return api === undefined ? [] : [{ api, part, version, bytes: Buffer.from(frame, 'hex'), fields: undefined }];
  });
const responses = frames.filter(({ part }) => part === 'response');
const requests = frames.filter(({ part }) => part === 'request');

function fieldsOf(frame: Frame): readonly FieldPlace[] {
  if (frame.fields !== undefined) return frame.fields;
  const { api, part, version, bytes } = frame;
  const reader = new TracingReader(bytes, part === 'response' ? 4 : 12);
  if (api.isFlexible(version) && !(part === 'response' && api.name === 'ApiVersions')) reader.uvarint();
  if (part === 'response') api.decodeResponse(reader, version);
  else api.decodeRequest(reader, version);
  return (frame.fields = reader.fields);
}

/** The case with that number: the same for the same seed, whatever came before it. */
export function caseOf(seed: number, index: number): Case {
  const dice = new Dice(Math.imul(seed, 1_000_003) + index);
  const part = dice.below(20);
  if (part < 10) return { kind: 'batch', ...anyBatches(dice) };
  const frame = dice.of(part < 18 ? responses : requests);
  const { api, version, bytes } = frame;
  const name = `${api.name} v${version} ${frame.part}`;
  return { kind: frame.part, name, api: api.name, version, bytes: mutated(bytes, fieldsOf(frame), dice) };
}

/** Cases that once showed a defect, here or in the packages that decoders usually are made of. */
export function corpus(): readonly Case[] {
  return readFileSync(join(PROJECT_ROOT, 'test/fuzz/corpus.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => {
      const { bytes, ...rest } = JSON.parse(line);
      return { ...rest, bytes: Buffer.from(bytes, 'hex') };
    });
}

/** The case with that number; below zero, one of the corpus. */
export function numberedCase(seed: number, index: number): Case {
  const known = index < 0 ? corpus()[-1 - index] : undefined;
  return known ?? caseOf(seed, index);
}

/** The answers that Kafka's own classes wrote, unchanged. */
export const goldenResponses = (): readonly { readonly bytes: Buffer }[] => responses;
