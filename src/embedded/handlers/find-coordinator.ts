import { errorNumbers } from '../../base/broker-errors.js';
import { FindCoordinator } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';

const GROUP = 0;
const TRANSACTION = 1;

/** Which broker coordinates a group or a transactional id. */
export const findCoordinator = handler({
  api: FindCoordinator,
  versions: FindCoordinator.versions,
  answer(call) {
    const { body, version } = call;
    if (version < 4) return find(call, body.key);
    return { coordinators: body.coordinatorKeys.map(key => ({ key, ...find(call, key) })) };
  },
});

function find({ cluster, body, refusal }: Call<typeof FindCoordinator>, key: string) {
  const known = body.keyType === GROUP || body.keyType === TRANSACTION;
  const address = known ? cluster.coordinatorOf(key) : undefined;
  const missing = known ? errorNumbers.COORDINATOR_NOT_AVAILABLE : errorNumbers.INVALID_REQUEST;
  const errorCode = refusal({ group: key }) || (address === undefined ? missing : 0);
  const { id: nodeId, host, port } = errorCode === 0 && address !== undefined ? address : { id: -1, host: '', port: -1 };
  return { errorCode, errorMessage: null, nodeId, host, port };
}
