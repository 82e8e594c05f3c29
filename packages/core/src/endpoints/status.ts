import { type EndpointRecord, inTransition, type ModelRecord } from '../records/index.ts';
import { MODEL_NOT_FOUND, type ModelStatus } from '../registration/index.ts';
import type { EndpointId, ModelKey, Namespace } from '../units.ts';
import type { EndpointReader } from './decision.ts';

/** The state of an endpoint by ModelMesh's names (spec `modelmesh.md` §1.1). */
export type EndpointStatusName = 'NOT_FOUND' | 'DEFINED' | 'TRANSITIONING' | 'TRANSITION_FAILED' | 'UNKNOWN';

/** What a management answer says of an endpoint. */
export type EndpointStatus =
  | { readonly status: 'NOT_FOUND' }
  | {
      readonly status: Exclude<EndpointStatusName, 'NOT_FOUND'>;
      readonly owner: string;
      readonly activeModelId: ModelKey;
      readonly targetModelId: ModelKey;
      readonly activeModelStatus: ModelStatus;
      /** Only while in transition. */
      readonly targetModelStatus: ModelStatus | undefined;
    };

/** What a status answer is asked. Empty strings mean "not given". */
export interface EndpointStatusRequest {
  readonly namespace: Namespace;
  readonly vModelId: string;
  /** Another owner's endpoint is reported as not found. */
  readonly owner: string;
}

/** The answer for an endpoint that does not exist. */
export const ENDPOINT_NOT_FOUND: EndpointStatus = { status: 'NOT_FOUND' };

/**
 * The answer to `getVModelStatus` (spec `modelmesh.md` §5.4): unknown and foreign endpoints are NOT_FOUND; a target is LOADING until the
 * transition is known to have failed.
 */
export function endpointStatus(
  reader: EndpointReader,
  { namespace, vModelId, owner }: EndpointStatusRequest,
  statusOf: (record: ModelRecord) => ModelStatus,
): EndpointStatus {
  const record = vModelId === '' ? undefined : reader.endpoint(namespace, vModelId as EndpointId)?.record;
  if (record === undefined || (owner !== '' && owner !== record.owner)) return ENDPOINT_NOT_FOUND;
  const active = reader.model(namespace, record.active)?.record;
  const target = reader.model(namespace, record.target)?.record;
  return {
    status: statusName(record),
    owner: record.owner,
    activeModelId: record.active,
    targetModelId: record.target,
    activeModelStatus: active === undefined ? MODEL_NOT_FOUND : statusOf(active),
    targetModelStatus: inTransition(record) ? targetStatus(record, target, statusOf) : undefined,
  };
}

function statusName(record: EndpointRecord): Exclude<EndpointStatusName, 'NOT_FOUND'> {
  if (!inTransition(record)) return 'DEFINED';
  return record.failed ? 'TRANSITION_FAILED' : 'TRANSITIONING';
}

function targetStatus(
  { failed }: EndpointRecord,
  target: ModelRecord | undefined,
  statusOf: (record: ModelRecord) => ModelStatus,
): ModelStatus {
  if (target === undefined) return MODEL_NOT_FOUND;
  const status = statusOf(target);
  if (failed && target.failures.size > 0 && target.copies.size === 0) return status;
  return status.status === 'LOADING' ? status : { status: 'LOADING', errors: [], copies: status.copies };
}
