import { errorNumbers } from '../../base/broker-errors.js';
import { ZERO_UUID } from '../../bytes/reader.js';
import { DeleteTopics, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';
import { findTopic } from './leadership.js';

type TopicAnswer = ResponseInput<typeof DeleteTopics>['responses'][number];

/** Deletes topics, at once; any broker does it. */
export const deleteTopics = handler({
  api: DeleteTopics,
  versions: DeleteTopics.versions,
  answer(call) {
    const { body, version } = call;
    const wanted = version >= 6 ? body.topics : body.topicNames.map(name => ({ name, topicId: ZERO_UUID }));
    return { responses: wanted.map(({ name, topicId }) => remove(call, name, topicId)) };
  },
});

function remove({ cluster, refusal }: Call<typeof DeleteTopics>, givenName: string | null, topicId: string): TopicAnswer {
  if (givenName !== null && topicId !== ZERO_UUID) {
    return {
      name: givenName,
      topicId,
      errorCode: errorNumbers.INVALID_REQUEST,
      errorMessage: 'a topic is named by name or by id, not both',
    };
  }
  const { name, topic, error } = findTopic(cluster, givenName ?? '', topicId, givenName === null);
  const errorCode = refusal({ topic: name }) || error;
  if (topic === undefined || errorCode !== 0) return { name: givenName, topicId, errorCode };
  cluster.deleteTopic(topic);
  return { name, topicId: topic.id, errorCode: 0 };
}
