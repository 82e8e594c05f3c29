import type { MessageInitShape } from '@bufbuild/protobuf';
import { bytesForUnits } from '@modelmesh/core';
import type { InstanceRecord } from '@modelmesh/core/records';
import { ModelStatusInfo_ModelStatus, type ModelStatusInfoSchema } from '@modelmesh/wire/mmesh';
import type { Control, ModelDetail } from '../../node/index.ts';

/** `getModelStatus` of this id answers with the state of cache and cluster in `errors` (spec `modelmesh.md` §1.1). */
export const GET_STATE_ID = '***GETSTATE***';
/** `getModelStatus` of this id writes the same to the log. */
export const LOG_CACHE_ID = '***LOGCACHE***';

/** Models that a state lists one by one; the rest is counted. */
export const STATE_MODELS_MAX = 1000;

/** The state of the cluster and of the models that are not merely registered, a line each. */
export function stateLines(control: Control): readonly string[] {
  const instances = control.instances().map(instanceLine);
  const page = control.models({ after: null, limit: STATE_MODELS_MAX });
  const lines = page.items.filter(({ status }) => status.status !== 'NOT_LOADED').map(modelLine);
  const more = page.next === null ? [] : [`models after ${page.next} are not listed`];
  return [`ready ${control.ready}`, ...instances, ...lines, ...more];
}

/** The answer to {@link GET_STATE_ID}: the lines stand where ModelMesh has them. */
export const stateMessage = (lines: readonly string[]): MessageInitShape<typeof ModelStatusInfoSchema> => ({
  status: ModelStatusInfo_ModelStatus.UNKNOWN,
  errors: [...lines],
});

const instanceLine = (record: InstanceRecord): string =>
  `instance ${record.id} models ${record.modelCount} used ${bytesForUnits(record.usedUnits)} of ${bytesForUnits(record.capacityUnits)} bytes` +
  ` loading ${record.loadsInProgress}${record.shuttingDown ? ' shutting down' : ''}`;

const modelLine = ({ record, status, lastUsedMs, memory }: ModelDetail): string => {
  const copies = status.copies.map((copy) => `${copy.location}=${copy.status}`).join(' ');
  const booked = memory.bookedBytes === null ? '' : ` booked ${memory.bookedBytes} bytes`;
  return `model ${record.key} ${status.status}${booked} refs ${record.refs} last used ${lastUsedMs ?? 'never'}${copies === '' ? '' : ` ${copies}`}`;
};
